import { readFileSync } from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { random } from "workbook/random";
import { root } from "workbook/root";
import { wkv, wkvRecurrent } from "workbook/variants/rwkv";
import {
  type ChannelMixingWeights,
  channelMixing,
  type TimeMixingState,
  type TimeMixingWeights,
  timeMixing,
  timeMixingStep,
  tokenShift,
} from "workbook/variants/rwkv-block";
import { onEveryBackend } from "../backends.js";

const rounding = { tolerance: 1e-5, because: "float32 products of small matrices, three in a row" };

interface Stored {
  readonly name: string;
  readonly shape: [number, number, number];
  readonly weights: Record<string, { shape: number[]; data: number[] }>;
  readonly x: number[];
  readonly y: number[];
}

function stored(half: "timeMixing" | "channelMixing") {
  const file = JSON.parse(readFileSync(path.join(root, "test/vectors/rwkv.json"), "utf8")) as Record<
    typeof half,
    Stored[]
  >;
  return file[half].map(({ name, shape, weights, x, y }) => ({
    name,
    weights: Object.fromEntries(
      Object.entries(weights).map(([part, { shape, data }]) => [part, tf.tensor(data, shape)]),
    ) as unknown,
    x: tf.tensor3d(x, shape),
    y: { shape, data: y },
  }));
}

/** Weights of a layer of width C and A channels. */
function timeWeights(C: number, A: number, seed = 1): TimeMixingWeights {
  const r = random(seed);
  const matrix = (rows: number, columns: number) => r.normalTensor<tf.Rank.R2>([rows, columns]);
  const share = () => r.uniformTensor<tf.Rank.R1>([C]);
  return {
    mixR: share(),
    mixK: share(),
    mixV: share(),
    wr: matrix(C, A),
    wk: matrix(C, A),
    wv: matrix(C, A),
    decay: r.normalTensor([A]),
    bonus: r.normalTensor([A]),
    wo: matrix(A, C),
  };
}

onEveryBackend("variants/rwkv-block", () => {
  it("time mixing equals transformers' RWKV, with every form of WKV", () => {
    const cases = stored("timeMixing");
    expect(cases.length).to.equal(2);
    for (const { name, weights, x, y } of cases) {
      for (const mix of [undefined, wkv, wkvRecurrent]) {
        assertClose(timeMixing({ x, weights: weights as TimeMixingWeights, mix }), y, rounding, name);
      }
    }
  });

  it("channel mixing equals transformers' RWKV", () => {
    const cases = stored("channelMixing");
    expect(cases.length).to.equal(1);
    for (const { name, weights, x, y } of cases) {
      assertClose(channelMixing({ x, weights: weights as ChannelMixingWeights }), y, rounding, name);
    }
  });

  it("token shift blends each token with the one before, zeros or `past` before the first", () => {
    const x = tf.tensor3d([1, 10, 2, 20, 4, 40], [1, 3, 2]);
    const mix = tf.tensor1d([1, 0.25]);
    assertClose(tokenShift({ x, mix }), tf.tensor3d([1, 2.5, 2, 12.5, 4, 25], [1, 3, 2]), rounding);
    const past = tf.tensor3d([7, 100], [1, 1, 2]);
    const first = tf.slice(tokenShift({ x, mix, past }), 0, [1, 1, 2]);
    assertClose(first, tf.tensor3d([1, 77.5], [1, 1, 2]), rounding);
  });

  it("token by token, from state to state, both halves equal the whole text", () => {
    const [B, T, C, A] = [2, 7, 3, 5];
    const weights = timeWeights(C, A);
    const r = random(2);
    const [wr, wk, wv] = [
      [C, C],
      [C, 4],
      [4, C],
    ].map((shape) => r.normalTensor<tf.Rank.R2>(shape as [number, number]));
    const channels = { mixR: weights.mixR, mixK: weights.mixK, wr: wr!, wk: wk!, wv: wv! };
    const x = random(3).normalTensor<tf.Rank.R3>([B, T, C]);
    let state: TimeMixingState | undefined;
    let past: tf.Tensor3D | undefined;
    const outputs = Array.from({ length: T }, (_, t) => {
      const token = tf.slice(x, [0, t, 0], [B, 1, C]);
      const step = timeMixingStep({ x: token, weights, state });
      const mixed = channelMixing({ x: token, weights: channels, past });
      [state, past] = [step.state, token];
      return { time: step.y, channels: mixed };
    });
    const all = (half: "time" | "channels") =>
      tf.concat(
        outputs.map((one) => one[half]),
        1,
      );
    assertClose(all("time"), timeMixing({ x, weights }), rounding, "time mixing");
    assertClose(all("channels"), channelMixing({ x, weights: channels }), rounding, "channel mixing");
    const kept = [state!.past, state!.wkv.a, state!.wkv.b, state!.wkv.m].map(({ size }) => size);
    expect(kept).to.deep.equal([B * C, B * A, B * A, B * A]);
  });

  it("each leaves exactly its output, and its inputs alone", () => {
    const weights = timeWeights(3, 5);
    const x = random(3).normalTensor<tf.Rank.R3>([1, 9, 3]);
    const before = tf.memory().numTensors;
    timeMixing({ x, weights }).dispose();
    tokenShift({ x, mix: weights.mixR }).dispose();
    expect(tf.memory().numTensors).to.equal(before);
    const step = timeMixingStep({ x: tf.slice(x, 0, [1, 1, 3]), weights });
    expect(x.isDisposed).to.equal(false);
    expect(step.state.past.isDisposed).to.equal(false);
  });

  it("says what it expected and what it got", () => {
    const weights = timeWeights(3, 5);
    const x = tf.zeros<tf.Rank.R3>([1, 4, 3]);
    const says = (run: () => unknown, message: string) => expect(run).to.throw(RangeError, message);
    says(
      () => timeMixing({ x, weights: { ...weights, bonus: tf.zeros([3]) } }),
      "timeMixing: expected bonus of shape [A] with A = 5 (from wr), got [3]",
    );
    says(
      () => tokenShift({ x, mix: tf.zeros([2]) }),
      "tokenShift: expected mix of shape [C] with C = 3 (from x), got [2]",
    );
  });
});
