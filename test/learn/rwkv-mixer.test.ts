import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { rwkvMixer } from "workbook/learn/rwkv-mixer";
import { random } from "workbook/random";
import { wkvRecurrent } from "workbook/variants/rwkv";
import { onEveryBackend } from "../backends.js";

const rounding = { tolerance: 1e-5, because: "float32 products, four of them in a row" };
const mixer = rwkvMixer();

/** Fresh parameters, but with an output projection that lets something through. */
function parameters(C: number): Record<string, tf.Tensor> {
  return { ...mixer.init({ random: random(1), width: C, heads: 1 }), wo: random(2).normalTensor([C, C]) };
}

onEveryBackend("rwkv mixer", () => {
  it("token by token from state to state equals the whole text, from a state of 4 C numbers", () => {
    const [B, T, C] = [2, 19, 6];
    const params = parameters(C);
    const x = random(3).normalTensor<tf.Rank.R3>([B, T, C]);
    let state = mixer.recurrent!.start({ batch: B, width: C, heads: 1 });
    const outputs = Array.from({ length: T }, (_, t) => {
      const token = tf.slice(x, [0, t, 0], [B, 1, C]);
      const next = mixer.recurrent!.step({ x: token, params, heads: 1, state, position: t });
      state = next.state;
      return next.y;
    });
    assertClose(tf.concat(outputs, 1), mixer.forward({ x, params, heads: 1 }), rounding);
    expect(Object.values(state).reduce((sum, { size }) => sum + size, 0)).to.equal(4 * B * C);
  });

  it("takes another form of WKV, with the same result", () => {
    const params = parameters(6);
    const x = random(4).normalTensor<tf.Rank.R3>([1, 9, 6]);
    const other = rwkvMixer({ mix: wkvRecurrent }).forward({ x, params, heads: 1 });
    assertClose(other, mixer.forward({ x, params, heads: 1 }), rounding);
  });

  it("starts as the paper's first layer: decays from e⁻⁵ to e³, shares from 0 up, bonuses around ln 0.3", () => {
    const { decay, bonus, mixR, mixK } = mixer.init({ random: random(1), width: 5, heads: 1 });
    const expected = [0, 0.25, 0.5, 0.75, 1].map((share) => -5 + 8 * share ** 0.7);
    assertClose(decay!, { shape: [5], data: expected }, rounding, "decay");
    const low = Math.log(0.3);
    assertClose(bonus!, { shape: [5], data: [low, low + 0.5, low - 0.5, low, low + 0.5] }, rounding, "bonus");
    assertClose(mixK!, { shape: [5], data: [0, 0.2, 0.4, 0.6, 0.8] }, rounding, "key's share");
    assertClose(tf.square(mixR!), mixK!, rounding, "receptance's share");
  });

  it("has 4 C² weights in matrices, as softmax attention has, and 5 C besides", () => {
    const params = mixer.init({ random: random(1), width: 8, heads: 2 });
    const size = Object.values(params).reduce((sum, tensor) => sum + tensor.size, 0);
    expect(size).to.equal(4 * 64 + 5 * 8);
  });
});
