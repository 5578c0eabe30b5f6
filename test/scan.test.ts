import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { recurrenceIdentities } from "workbook/identities/mamba";
import { random } from "workbook/random";
import { associativeScan } from "workbook/scan";
import { onEveryBackend } from "./backends.js";

const rounding = { tolerance: 1e-5, because: "float32 sums of products, joined in pairs" };

/** h_t = a_t h_(t−1) + u_t in float64, and L = Σ w h with its gradients by the chain rule taken as finite differences. */
function loop(shape: readonly [number, number, number], a: ArrayLike<number>, u: ArrayLike<number>) {
  const [, T, F] = shape;
  const data = Float64Array.from(u);
  for (let i = 0; i < data.length; i++) if (Math.floor(i / F) % T > 0) data[i]! += a[i]! * data[i - F]!;
  return { shape, data };
}

onEveryBackend("scan", () => {
  for (const { sentence, check } of recurrenceIdentities) {
    it(`associative scan: ${sentence}`, () =>
      check((a, u) => {
        const rows = (x: tf.Tensor2D) => tf.expandDims(x, 0) as tf.Tensor3D;
        return tf.squeeze(associativeScan({ decay: rows(a), input: rows(u) }), [0]);
      }, random(sentence)));
  }

  it("equals the loop at lengths 1, 63, 65 and 130, several sequences side by side", () => {
    for (const T of [1, 63, 65, 130]) {
      const shape = [2, T, 5] as const;
      const decay = random(T).uniformTensor<tf.Rank.R3>([...shape]);
      const input = random(`${T}`).normalTensor<tf.Rank.R3>([...shape]);
      assertClose(
        associativeScan({ decay, input }),
        loop(shape, decay.dataSync(), input.dataSync()),
        rounding,
      );
    }
  });

  it("its gradients equal the loop's finite differences", () => {
    for (const T of [1, 2, 7, 8]) {
      const shape = [2, T, 3] as const;
      const r = random(T);
      const [decay, input] = [
        r.uniformTensor<tf.Rank.R3>([...shape]),
        r.normalTensor<tf.Rank.R3>([...shape]),
      ];
      const cotangent = r.normalTensor<tf.Rank.R3>([...shape]);
      const weights = cotangent.dataSync();
      const numbers = { decay: decay.dataSync(), input: input.dataSync() };
      const loss = (given: { decay: ArrayLike<number>; input: ArrayLike<number> }) =>
        loop(shape, given.decay, given.input).data.reduce((sum, h, i) => sum + h * weights[i]!, 0);
      const gradients = tf.grads((a, u) =>
        tf.sum(tf.mul(cotangent, associativeScan({ decay: a as tf.Tensor3D, input: u as tf.Tensor3D }))),
      )([decay, input]);
      for (const [i, name] of (["decay", "input"] as const).entries()) {
        const values = Float64Array.from(numbers[name]);
        const slope = values.map((value, at) => {
          const shifted = (h: number) => loss({ ...numbers, [name]: values.with(at, value + h) });
          return (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
        });
        assertClose(gradients[i]!, { shape, data: slope }, rounding, `gradient of ${name} at T = ${T}`);
      }
    }
  });

  it("leaves exactly its output, and says which shapes do not fit", () => {
    const [decay, input] = [tf.ones<tf.Rank.R3>([1, 6, 2]), tf.ones<tf.Rank.R3>([1, 6, 2])];
    const before = tf.memory().numTensors;
    associativeScan({ decay, input });
    expect(tf.memory().numTensors).to.equal(before + 1);
    expect(() => associativeScan({ decay, input: tf.ones([1, 5, 2]) })).to.throw(
      RangeError,
      "associativeScan: expected input of shape [A, T, F] with T = 6 (from decay), got [1, 5, 2]",
    );
  });
});
