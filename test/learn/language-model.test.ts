import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { useBackend } from "workbook/backend";
import {
  countParameters,
  decodeStep,
  initLanguageModel,
  type LanguageModelConfig,
  languageModelLoss,
  logits,
  type Params,
  startDecoding,
} from "workbook/learn/language-model";
import type { Mixer } from "workbook/learn/mixer";
import { random } from "workbook/random";
import { type PlainParams, referenceLogits, referenceLoss } from "./reference-model.js";

const config: LanguageModelConfig = { vocabulary: 11, width: 16, layers: 2, heads: 4 };
const sizes = { C: 16, V: 11, layers: 2, heads: 4 };
const T = 8;
const rounding = { tolerance: 2e-5, because: "float32 sums of 64 terms through two blocks" };

/** Parameters of which none is zero or one, as training leaves them. */
function trained(of: LanguageModelConfig = config, seed = 1): Params {
  const params = initLanguageModel({ config: of, seed });
  const generator = random(seed);
  for (const parameter of Object.values(params)) {
    tf.tidy(() =>
      parameter.assign(tf.add(parameter, generator.normalTensor(parameter.shape as [number], 0.2))),
    );
  }
  return params;
}

function plain(params: Params): PlainParams {
  return Object.fromEntries(
    Object.entries(params).map(([name, parameter]) => [
      name,
      { shape: parameter.shape, data: Float64Array.from(parameter.dataSync()) },
    ]),
  );
}

function drawTokens(rows: number, length: number, seed: number): number[][] {
  const { integer } = random(seed);
  return Array.from({ length: rows }, () => Array.from({ length }, () => integer(config.vocabulary)));
}

describe("language model", () => {
  let params: Params;
  before(async () => {
    await useBackend();
    params = trained();
  });
  after(() => tf.dispose(params));

  it("logits equal a float64 loop's", () => {
    const tokens = drawTokens(3, T, 2);
    const expected = tokens.flatMap((row) => referenceLogits(plain(params), row, sizes).flat());
    const got = tf.tidy(() => logits({ config, params, tokens: tf.tensor2d(tokens, [3, T], "int32") }));
    assertClose(got, { shape: [3, T, 11], data: expected }, rounding);
    got.dispose();
  });

  it("gradients of the loss equal a float64 loop's finite differences, in every parameter", () => {
    const [inputs, targets] = [drawTokens(1, T, 3)[0]!, drawTokens(1, T, 4)[0]!];
    const batch = {
      inputs: tf.tensor2d([inputs], [1, T], "int32"),
      targets: tf.tensor2d([targets], [1, T], "int32"),
    };
    const { value, grads } = tf.variableGrads(
      () => languageModelLoss({ config, params, batch }),
      Object.values(params),
    );
    const reference = plain(params);
    const lossNow = () => referenceLoss(referenceLogits(reference, inputs, sizes), targets);
    assertClose(value, lossNow(), rounding, "loss");
    const { integer } = random(5);
    for (const [name, { data }] of Object.entries(reference)) {
      const gradient = grads[params[name]!.name]!.dataSync();
      const coordinates = Array.from({ length: 6 }, () => integer(data.length));
      const slopes = coordinates.map((i) => {
        const h = 1e-5;
        const before = data[i]!;
        const [above, below] = [before + h, before - h].map((moved) => {
          data[i] = moved;
          return lossNow();
        });
        data[i] = before;
        return (above! - below!) / (2 * h);
      });
      // Gradients are a tenth or so, so the comparison is absolute.
      const got = { shape: [6], data: coordinates.map((i) => gradient[i]!) };
      const tolerance = { tolerance: 5e-6, because: "float32 sums through two blocks and back" };
      assertClose(got, { shape: [6], data: slopes }, tolerance, name);
    }
    tf.dispose([batch, value, grads]);
  });

  it("a masked loss is the mean over the scored positions alone", () => {
    const [inputs, targets] = [drawTokens(1, T, 3)[0]!, drawTokens(1, T, 4)[0]!];
    const mask = targets.map((_, t) => (t >= 5 ? 1 : 0));
    const batch = {
      inputs: tf.tensor2d([inputs], [1, T], "int32"),
      targets: tf.tensor2d([targets], [1, T], "int32"),
      mask: tf.tensor2d([mask], [1, T]),
    };
    const loss = languageModelLoss({ config, params, batch });
    const expected = referenceLogits(plain(params), inputs, sizes).slice(5);
    assertClose(loss, referenceLoss(expected, targets.slice(5)), rounding);
    tf.dispose([batch, loss]);
  });

  it("logits at t ignore every token after t, and no token before it", () => {
    const tokens = drawTokens(1, T, 6);
    const changed = [tokens[0]!.map((token, t) => (t === 4 ? (token + 1) % 11 : token))];
    const [a, b] = [tokens, changed].map((rows) =>
      tf.tidy(() => logits({ config, params, tokens: tf.tensor2d(rows, [1, T], "int32") }).arraySync()),
    );
    expect(a![0]!.slice(0, 4)).to.deep.equal(b![0]!.slice(0, 4));
    for (let t = 4; t < T; t++) expect(a![0]![t], `position ${t}`).not.to.deep.equal(b![0]![t]);
  });

  it("a fresh model is uniform, so its loss is ln V", () => {
    const fresh = initLanguageModel({ config, seed: 1 });
    const loss = tf.tidy(() => {
      const tokens = tf.tensor2d(drawTokens(2, T, 7), [2, T], "int32");
      return languageModelLoss({ config, params: fresh, batch: { inputs: tokens, targets: tokens } });
    });
    assertClose(loss, Math.log(11), { tolerance: 1e-6, because: "float32 logarithm" });
    tf.dispose([fresh, loss]);
  });

  it("fresh blocks add nothing to the stream: two give the logits of one", () => {
    const all = [1, 2].map((layers) => {
      const fresh = initLanguageModel({ config: { ...config, layers }, seed: 1 });
      return tf.tidy(() => {
        fresh.output!.assign(random(2).normalTensor([16, 11]));
        const tokens = tf.tensor2d(drawTokens(1, T, 7), [1, T], "int32");
        const scores = logits({ config: { ...config, layers }, params: fresh, tokens }).arraySync();
        tf.dispose(fresh);
        return scores;
      });
    });
    expect(all[1]).to.deep.equal(all[0]);
  });

  it("has V C + N (4 C² + 2 C F + F + C) + C V parameters, the same ones for the same seed", () => {
    const [one, same, other] = [1, 1, 2].map((seed) => initLanguageModel({ config, seed }));
    expect(countParameters(one!)).to.equal(11 * 16 + 2 * (4 * 256 + 2 * 16 * 64 + 64 + 16) + 16 * 11);
    const values = (of: Params) => Object.values(of).map((variable) => Array.from(variable.dataSync()));
    expect(values(one!)).to.deep.equal(values(same!));
    expect(values(one!)).not.to.deep.equal(values(other!));
    tf.dispose([one!, same!, other!]);
  });

  it("decoding token by token with a key/value cache equals the full pass", () => {
    const tokens = drawTokens(2, T, 8);
    const full = tf.tidy(() => logits({ config, params, tokens: tf.tensor2d(tokens, [2, T], "int32") }));
    const before = tf.memory().numTensors;
    let state = startDecoding({ config, batch: 2 });
    for (let t = 0; t < T; t++) {
      const input = tf.tensor2d(
        tokens.map((row) => [row[t]!]),
        [2, 1],
        "int32",
      );
      const next = decodeStep({ config, params, tokens: input, state });
      const expected = tf.slice(full, [0, t, 0], [2, 1, 11]);
      assertClose(next.logits, expected, rounding, `position ${t}`);
      expect(next.state.layers[1]!.k!.shape).to.deep.equal([2, 4, t + 1, 4]);
      tf.dispose([input, expected, next.logits, state]);
      state = next.state;
    }
    tf.dispose(state);
    expect(tf.memory().numTensors).to.equal(before);
    full.dispose();
  });

  it("any mixer plugs in: a running mean with a learned matrix, whole and step by step", () => {
    const mean: Mixer = {
      name: "mean",
      init: ({ random: generator, width }) => ({ w: generator.normalTensor([width, width], 0.3) }),
      forward: ({ x, params: own }) =>
        tf.tidy(() => {
          const [B, length, C] = x.shape;
          const counts = tf.reshape(tf.range(1, length + 1), [length, 1]);
          const means = tf.div(tf.cumsum(x, 1), counts);
          return tf.reshape(tf.matMul(tf.reshape(means, [B * length, C]), own.w as tf.Tensor2D), [
            B,
            length,
            C,
          ]);
        }),
      recurrent: {
        start: ({ batch, width }) => ({ sum: tf.zeros([batch, 1, width]), count: tf.scalar(0) }),
        step: ({ x, params: own, state }) =>
          tf.tidy(() => {
            const [sum, count] = [tf.add(state.sum!, x), tf.add(state.count!, 1)];
            const rows = tf.reshape(tf.div(sum, count), [-1, x.shape[2]]) as tf.Tensor2D;
            return { y: tf.reshape(tf.matMul(rows, own.w as tf.Tensor2D), x.shape), state: { sum, count } };
          }),
      },
    };
    const own = { ...config, mixer: mean, positions: "none" as const };
    const ownParams = trained(own);
    expect(Object.keys(ownParams)).to.include("blocks.1.mixer.w").and.not.include("blocks.1.mixer.wq");
    const tokens = drawTokens(1, 3, 9);
    const full = tf.tidy(() =>
      logits({ config: own, params: ownParams, tokens: tf.tensor2d(tokens, [1, 3], "int32") }),
    );
    let state = startDecoding({ config: own, batch: 1 });
    const steps = tokens[0]!.map((token) => {
      const next = decodeStep({
        config: own,
        params: ownParams,
        tokens: tf.tensor2d([[token]], [1, 1], "int32"),
        state,
      });
      state = next.state;
      return next.logits;
    });
    assertClose(tf.concat(steps, 1), full, rounding);
    tf.dispose([full, ...steps, state, ownParams]);
  });

  it("leaves exactly its outputs, whatever the pass", () => {
    const tokens = tf.tensor2d(drawTokens(2, T, 8), [2, T], "int32");
    const before = tf.memory().numTensors;
    const outputs = [
      logits({ config, params, tokens }),
      languageModelLoss({ config, params, batch: { inputs: tokens, targets: tokens } }),
    ];
    expect(tf.memory().numTensors).to.equal(before + 2);
    tf.dispose([tokens, outputs]);
  });

  it("says what it expected when sizes do not fit", () => {
    expect(() => initLanguageModel({ config: { ...config, heads: 3 }, seed: 1 })).to.throw(
      "initLanguageModel: expected heads that divide the width 16, got 3",
    );
    expect(() => initLanguageModel({ config: { ...config, layers: 0 }, seed: 1 })).to.throw(
      "expected layers to be a positive integer, got 0",
    );
    const tokens = tf.tensor2d([[1]], [1, 1], "int32");
    const bigger = { ...config, width: 32 };
    expect(() => logits({ config: bigger, params, tokens })).to.throw(
      "logits: expected an embedding of shape [11, 32], got [11, 16]",
    );
    const { recurrent: _, ...parallelOnly } = {
      name: "parallel",
      init: () => ({}),
      forward: ({ x }: { x: tf.Tensor3D }) => x,
      recurrent: 1,
    };
    expect(() => startDecoding({ config: { ...config, mixer: parallelOnly }, batch: 1 })).to.throw(
      "startDecoding: expected a mixer with a recurrent form, got parallel",
    );
    tokens.dispose();
  });
});
