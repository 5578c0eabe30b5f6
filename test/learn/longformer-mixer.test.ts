import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { useBackend } from "workbook/backend";
import { initLanguageModel, type LanguageModelConfig, logits } from "workbook/learn/language-model";
import { longformerMixer } from "workbook/learn/longformer-mixer";
import { type Mixer, softmaxMixer } from "workbook/learn/mixer";
import { random } from "workbook/random";

const config: LanguageModelConfig = { vocabulary: 7, width: 8, layers: 2, heads: 2 };
const T = 12;
const rounding = { tolerance: 2e-5, because: "float32 sums of 32 terms through two blocks" };

/** Logits of a model whose parameters are all drawn from one seed, so that no output projection is zero. */
function answers(mixer: Mixer, tokens: number[][]): tf.Tensor3D {
  const params = initLanguageModel({ config: { ...config, mixer }, seed: 1 });
  for (const [name, parameter] of Object.entries(params)) {
    const noise = random(name).normalTensor(parameter.shape as [number], 0.3);
    parameter.assign(tf.add(parameter, noise));
  }
  return logits({ config: { ...config, mixer }, params, tokens: tf.tensor2d(tokens, undefined, "int32") });
}

const sentence = Array.from({ length: T }, (_, t) => (3 * t) % 7);
const changedAt = (position: number) => sentence.map((token, t) => (t === position ? 6 - token : token));
const row = (z: tf.Tensor3D, t: number) => tf.slice(z, [0, t, 0], [1, 1, 7]);
const moved = (a: tf.Tensor, b: tf.Tensor) => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!;

describe("learn/longformer-mixer", () => {
  before(() => useBackend());

  it("with a causal window over everything, the model is the softmax model", () => {
    const wide = longformerMixer({ window: 2 * T, causal: true });
    assertClose(answers(wide, [sentence]), answers(softmaxMixer, [sentence]), rounding);
  });

  it("two layers of a window w see inputs up to w away and none beyond", () => {
    const mixer = longformerMixer({ window: 4 });
    const [before, after] = [answers(mixer, [sentence]), answers(mixer, [changedAt(6)])];
    for (let t = 0; t < T; t++) {
      const change = moved(row(after, t), row(before, t));
      if (Math.abs(t - 6) <= 4) expect(change, `position ${t}`).to.be.above(1e-4);
      else expect(change, `position ${t}`).to.equal(0);
    }
  });

  it("with one global token two layers see every input", () => {
    for (const ownProjections of [false, true]) {
      const mixer = longformerMixer({ window: 2, globals: [0], ownProjections });
      const [before, after] = [answers(mixer, [sentence]), answers(mixer, [changedAt(11)])];
      for (let t = 0; t < T; t++) {
        expect(moved(row(after, t), row(before, t)), `position ${t}`).to.be.above(1e-6);
      }
    }
  });

  it("global projections exist where they are used, and start as copies of the window's", () => {
    const init = { random: random(1), width: 8, heads: 2 };
    const own = longformerMixer({ window: 2, globals: [0] }).init(init);
    for (const name of ["wq", "wk", "wv"]) {
      assertClose(own[`${name}Global`]!, own[name]!, { tolerance: 0, because: "copies" });
    }
    const names = ["wk", "wo", "wq", "wv"];
    const shared = longformerMixer({ window: 2, globals: [0], ownProjections: false });
    expect(Object.keys(shared.init(init)).sort()).to.deep.equal(names);
    expect(Object.keys(longformerMixer({ window: 2 }).init(init)).sort()).to.deep.equal(names);
  });
});
