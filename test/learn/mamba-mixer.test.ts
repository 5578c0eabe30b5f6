import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { mambaMixer, timeInvariantMixer } from "workbook/learn/mamba-mixer";
import { random } from "workbook/random";
import { onEveryBackend } from "../backends.js";

const rounding = { tolerance: 1e-5, because: "float32 products, four of them in a row" };

/** Fresh parameters, but with an output projection that lets something through. */
function parameters(mixer: ReturnType<typeof mambaMixer>, C: number): Record<string, tf.Tensor> {
  const params = mixer.init({ random: random(1), width: C, heads: 1 });
  return { ...params, out: random(2).normalTensor<tf.Rank.R2>(params.out!.shape as [number, number]) };
}

onEveryBackend("mamba mixers", () => {
  for (const mixer of [mambaMixer(), timeInvariantMixer({ states: 3, expand: 1, window: 1 })]) {
    it(`${mixer.name}: token by token from state to state equals the whole text`, () => {
      const [B, T, C] = [2, 7, 6];
      const params = parameters(mixer, C);
      const x = random(3).normalTensor<tf.Rank.R3>([B, T, C]);
      let state = mixer.recurrent!.start({ batch: B, width: C, heads: 1 });
      const outputs = Array.from({ length: T }, (_, t) => {
        const next = mixer.recurrent!.step({
          x: tf.slice(x, [0, t, 0], [B, 1, C]),
          params,
          heads: 1,
          state,
          position: t,
        });
        state = next.state;
        return next.y;
      });
      assertClose(tf.concat(outputs, 1), mixer.forward({ x, params, heads: 1 }), rounding);
    });

    it(`${mixer.name}: output t depends on inputs 0 to t alone`, () => {
      const params = parameters(mixer, 6);
      const [x, other] = [3, 4].map((seed) => random(seed).normalTensor<tf.Rank.R3>([1, 8, 6])) as [
        tf.Tensor3D,
        tf.Tensor3D,
      ];
      const spliced = tf.concat([tf.slice(x, 0, [1, 5, 6]), tf.slice(other, [0, 5, 0], [1, 3, 6])], 1);
      const early = (input: tf.Tensor3D) =>
        tf.slice(mixer.forward({ x: input, params, heads: 1 }), 0, [1, 5, 6]);
      assertClose(early(spliced), early(x), rounding);
    });
  }

  it("first steps lie between 0.001 and 0.1, and every channel decays at the rates −1 … −N", () => {
    const { stepBias, logA } = mambaMixer({ states: 3 }).init({ random: random(1), width: 16, heads: 1 });
    const steps = tf.softplus(stepBias!).dataSync();
    expect(Math.min(...steps)).to.be.within(0.001, 0.01);
    expect(Math.max(...steps)).to.be.within(0.02, 0.1001);
    const rates = { shape: [32, 3], data: Array.from({ length: 96 }, (_, i) => 1 + (i % 3)) };
    assertClose(tf.exp(logA!), rates, rounding);
  });

  it("both mixers have the same parameters, but for the B and C that time invariance adds", () => {
    const names = (mixer: ReturnType<typeof mambaMixer>) =>
      Object.keys(mixer.init({ random: random(1), width: 4, heads: 1 }));
    expect(names(timeInvariantMixer())).to.deep.equal([...names(mambaMixer()), "b", "c"]);
  });
});
