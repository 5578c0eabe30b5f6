import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { useBackend } from "workbook/backend";
import { finiteDifferences } from "workbook/grading/gradient";
import { rebuildIdentities } from "workbook/identities/reversible";
import { count } from "workbook/measure/count";
import { random } from "workbook/random";
import { reformer } from "workbook/variants/reformer";
import {
  type Branch,
  chunkedFeedForward,
  type ReversibleLayer,
  reversibleInverse,
  reversibleStack,
  storedStack,
} from "workbook/variants/reversible";
import { feedForward } from "workbook/variants/transformer";
import { onEveryBackend } from "../backends.js";

const rebuilt = { tolerance: 1e-4, because: "float32 sums taken apart again, layer by layer" };
const single = { tolerance: 1e-5, because: "float32 products of width at most 32" };

/** tanh(x W), the least branch that is not linear. */
function branch(w: tf.Tensor2D): Branch {
  return {
    params: [w],
    apply: (x, [w]) => {
      const [B, T, C] = x.shape;
      return tf.tanh(tf.reshape(tf.matMul(tf.reshape(x, [B * T, C]), w as tf.Tensor2D), [B, T, C]));
    },
  };
}

function stack(depth: number, C: number, seed: number): ReversibleLayer[] {
  const r = random(seed);
  const w = () => r.normalTensor<tf.Rank.R2>([C, C], C ** -0.5);
  return Array.from({ length: depth }, () => ({ f: branch(w()), g: branch(w()) }));
}

const paramsOf = (layers: readonly ReversibleLayer[]) =>
  layers.flatMap(({ f, g }) => [...f.params, ...g.params]);
/** The same layers with other parameters, by hand. */
const rebuild = (params: readonly tf.Tensor[]): ReversibleLayer[] =>
  Array.from({ length: params.length / 2 }, (_, n) => ({
    f: branch(params[2 * n] as tf.Tensor2D),
    g: branch(params[2 * n + 1] as tf.Tensor2D),
  }));

onEveryBackend("variants/reversible", () => {
  for (const { sentence, check } of rebuildIdentities) {
    it(`reversibleInverse: ${sentence}`, () =>
      check(
        (y1, y2, a, b) =>
          tf.squeeze(
            reversibleInverse({
              y: tf.expandDims(tf.concat([y1, y2], 1), 0) as tf.Tensor3D,
              layers: a.map((matrix, n) => ({ f: branch(matrix), g: branch(b[n]!) })),
            }),
            [0],
          ),
        random(sentence),
      ));
  }

  it("outputs and the gradients of input and parameters equal those of stored activations", () => {
    for (const [B, T, depth] of [
      [1, 1, 1],
      [2, 5, 4],
    ] as const) {
      const C = 3;
      const layers = stack(depth, C, depth);
      const x = random("x").normalTensor<tf.Rank.R3>([B, T, 2 * C]);
      const dy = random("dy").normalTensor<tf.Rank.R3>([B, T, 2 * C]);
      assertClose(reversibleStack({ x, layers }), storedStack({ x, layers }), single);
      const gradients = (form: typeof reversibleStack) =>
        tf.grads((x, ...params) => form({ x: x as tf.Tensor3D, layers: rebuild(params) }))(
          [x, ...paramsOf(layers)],
          dy,
        );
      const expected = gradients(storedStack);
      for (const [n, gradient] of gradients(reversibleStack).entries()) {
        assertClose(gradient, expected[n]!, rebuilt, `input ${n}`);
      }
    }
  });

  it("the gradient of the input equals finite differences", async () => {
    const layers = stack(2, 2, 9);
    const x = random(1).normalTensor<tf.Rank.R3>([1, 3, 4]);
    const direction = random(2).normalTensor<tf.Rank.R3>([1, 3, 4]);
    const value = (x: tf.Tensor): tf.Scalar =>
      tf.sum(tf.mul(direction, reversibleStack({ x: x as tf.Tensor3D, layers })));
    const expected = await finiteDifferences((x) => tf.tidy(() => value(x).dataSync()[0]!), x);
    const rough = { tolerance: 2e-3, because: "five-point differences of float32 sums" };
    assertClose(tf.grad(value)(x), expected, rough);
  });

  it("chunked feed-forward equals the whole, in outputs and gradients, also for a last chunk that is shorter", () => {
    const r = random(3);
    const [B, T, C, F] = [2, 7, 4, 6];
    const inputs = [[B, T, C], [C, F], [F], [F, C], [C]].map((shape) => r.normalTensor(shape as [number]));
    for (const chunks of [1, 3, 7, 20]) {
      const [whole, parts] = [
        feedForward,
        (options: Parameters<typeof feedForward>[0]) => chunkedFeedForward({ ...options, chunks }),
      ].map((form) => {
        const run = (...given: tf.Tensor[]) => {
          const [x, w1, b1, w2, b2] = given;
          return form({ x, w1, b1, w2, b2 } as unknown as Parameters<typeof feedForward>[0]);
        };
        return [run(...inputs), ...tf.grads((...given) => tf.sum(tf.square(run(...given))))(inputs)];
      });
      for (const [n, value] of parts!.entries())
        assertClose(value, whole![n]!, rebuilt, `${chunks} chunks, ${n}`);
    }
  });
});

describe("variants/reversible", () => {
  before(() => useBackend());

  /** Peak bytes of the gradient with respect to the input. */
  async function peak(form: typeof reversibleStack, depth: number) {
    const layers = stack(depth, 8, 1);
    const x = random(1).normalTensor<tf.Rank.R3>([1, 512, 16]);
    const { peakBytes } = await count(() => tf.grad((x) => form({ x: x as tf.Tensor3D, layers }))(x));
    tf.dispose([x, paramsOf(layers)]);
    return peakBytes;
  }

  it("activation memory is the same at every depth, and grows by the same with each layer when stored", async () => {
    const halfState = 512 * 8 * 4;
    const [two, eight, twenty] = [
      await peak(reversibleStack, 2),
      await peak(reversibleStack, 8),
      await peak(reversibleStack, 20),
    ];
    // Gradients of the parameters are formed on the way: 2 matrices of 8 × 8 a layer.
    expect(eight - two).to.be.at.most(6 * 2 * 8 * 8 * 4 + 1);
    expect(twenty - eight).to.be.at.most(12 * 2 * 8 * 8 * 4 + 1);
    const [storedTwo, storedEight] = [await peak(storedStack, 2), await peak(storedStack, 8)];
    expect((storedEight - storedTwo) / 6).to.be.at.least(2 * halfState);
  });

  it("the inner layer of chunked feed-forward never exists as a whole, not in the gradient either", async () => {
    const r = random(5);
    const [T, C, F] = [2048, 8, 256];
    const weights = {
      w1: r.normalTensor<tf.Rank.R2>([C, F]),
      b1: tf.zeros<tf.Rank.R1>([F]),
      w2: r.normalTensor<tf.Rank.R2>([F, C]),
      b2: tf.zeros<tf.Rank.R1>([C]),
    };
    const x = r.normalTensor<tf.Rank.R3>([1, T, C]);
    const inner = T * F * 4;
    for (const run of [
      () => chunkedFeedForward({ x, chunks: 64, ...weights }),
      () => tf.grad((x) => chunkedFeedForward({ x: x as tf.Tensor3D, chunks: 64, ...weights }))(x),
    ]) {
      expect((await count(run)).peakBytes).to.be.below(inner / 4);
    }
    expect((await count(() => feedForward({ x, ...weights }))).peakBytes).to.be.at.least(inner);
  });

  it("trains variables: gradients reach tf.Variable parameters, with LSH attention as F", () => {
    const r = random(8);
    const [T, C] = [24, 8];
    const [wqk, w2] = [tf.variable(r.normalTensor([C, C])), tf.variable(r.normalTensor([C, C]))];
    const attend: Branch = {
      params: [wqk],
      apply: (x, [w]) => {
        const qk = tf.reshape(tf.matMul(tf.reshape(x, [T, C]), w as tf.Tensor2D), [1, 1, T, C]);
        const heads = qk as tf.Tensor4D;
        const out = reformer({ qk: heads, v: heads, chunk: 8, rounds: 2, seed: 3, causal: true });
        return tf.reshape(out, [1, T, C]);
      },
    };
    const x = r.normalTensor<tf.Rank.R3>([1, T, 2 * C]);
    const layers = [{ f: attend, g: branch(w2 as unknown as tf.Tensor2D) }];
    const gradients = (form: typeof reversibleStack) =>
      tf.variableGrads(() => tf.sum(tf.square(form({ x, layers }))), [wqk, w2]).grads;
    const [own, expected] = [gradients(reversibleStack), gradients(storedStack)];
    expect(Object.keys(own)).to.have.lengthOf(2);
    for (const [name, gradient] of Object.entries(own)) assertClose(gradient, expected[name]!, rebuilt, name);
    tf.dispose([wqk, w2]);
  });

  it("leaves exactly its output, and after a gradient exactly the gradient", () => {
    const layers = stack(3, 2, 1);
    const x = random(1).normalTensor<tf.Rank.R3>([1, 4, 4]);
    const before = tf.memory().numTensors;
    tf.grad((x) => reversibleStack({ x: x as tf.Tensor3D, layers }))(x);
    expect(tf.memory().numTensors).to.equal(before + 1);
    reversibleStack({ x, layers });
    reversibleInverse({ y: x, layers });
    expect(tf.memory().numTensors).to.equal(before + 3);
  });

  it("refuses an odd width, and no chunk, by name", () => {
    const x = tf.ones<tf.Rank.R3>([1, 2, 3]);
    for (const [name, run] of Object.entries({
      reversibleStack: () => reversibleStack({ x, layers: [] }),
      storedStack: () => storedStack({ x, layers: [] }),
      reversibleInverse: () => reversibleInverse({ y: x, layers: [] }),
    })) {
      expect(run).to.throw(RangeError, `${name}: expected an even width, both halves side by side, got 3`);
    }
    const weights = { w1: tf.ones([3, 2]), b1: tf.ones([2]), w2: tf.ones([2, 3]), b2: tf.ones([3]) };
    const options = { x, ...weights } as Parameters<typeof feedForward>[0];
    expect(() => chunkedFeedForward({ ...options, chunks: 0 })).to.throw(
      RangeError,
      "chunkedFeedForward: expected one or more chunks, got 0",
    );
  });
});
