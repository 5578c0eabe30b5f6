import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { useBackend } from "workbook/backend";
import {
  countParameters,
  type DecodingState,
  decodeStep,
  initLanguageModel,
  logits,
  startDecoding,
} from "workbook/learn/language-model";
import { retentionMixer } from "workbook/learn/retnet-mixer";
import { random } from "workbook/random";
import { retentionChunkwise } from "workbook/variants/retnet";
import { scoreNormalisedRetention } from "workbook/variants/retnet-layer";

const shape = { vocabulary: 5, width: 8, layers: 2, heads: 2, positions: "none" } as const;
const config = { ...shape, hidden: 16, mixer: retentionMixer() };

/** Fresh models are uniform, because their output starts at zero: give every parameter a value that shows. */
function livelyModel() {
  const params = initLanguageModel({ config, seed: 1 });
  const r = random(2);
  for (const parameter of Object.values(params))
    parameter.assign(r.normalTensor(parameter.shape as never, 0.5));
  return params;
}

function tokens(T: number) {
  const { integer } = random(3);
  return tf.tensor2d(
    Array.from({ length: T }, () => integer(5)),
    [1, T],
    "int32",
  );
}

const close = {
  tolerance: 1e-4,
  because: "float32 through two layers with weights of 0.5, and the norm's ε",
};

describe("learn/retnet-mixer", () => {
  before(() => useBackend());

  it("decoding token by token equals the full pass, from a state of H · D · 2 D numbers in each layer", () => {
    const params = livelyModel();
    const sequence = tokens(70);
    let state: DecodingState = startDecoding({ config, batch: 1 });
    const steps = tf.split<tf.Tensor2D>(sequence, 70, 1).map((token) => {
      const next = decodeStep({ config, params, tokens: token, state });
      state = next.state;
      expect(state.layers.map(({ s }) => s!.size)).to.deep.equal([64, 64]);
      return next.logits;
    });
    assertClose(tf.concat(steps, 1), logits({ config, params, tokens: sequence }), close);
  });

  it("every form trains the same model: logits agree within what the norm's ε allows", () => {
    const params = livelyModel();
    const sequence = tokens(70);
    const parallel = logits({ config, params, tokens: sequence });
    for (const mix of [retentionChunkwise, scoreNormalisedRetention]) {
      const other = { ...config, mixer: retentionMixer({ mix }) };
      // Normalised scores are smaller, so ε weighs more.
      const wide = { tolerance: 5e-3, because: "ε = 10⁻⁶ beside the variances of normalised scores" };
      assertClose(logits({ config: other, params, tokens: sequence }), parallel, wide, mix.name);
    }
  });

  it("a block with 2 C hidden units has as many weights as a Transformer's with 4 C, 12 C²", () => {
    const blocks = (hidden: number, mixer?: typeof config.mixer) => {
      const params = initLanguageModel({ config: { ...shape, hidden, mixer }, seed: 1 });
      const biases = hidden + shape.width;
      return countParameters(params) / 2 - biases - (2 * 5 * shape.width) / 2;
    };
    expect(blocks(16, config.mixer)).to.equal(12 * 64);
    expect(blocks(32)).to.equal(12 * 64);
  });

  it("takes other decays", () => {
    const params = livelyModel();
    const sequence = tokens(9);
    const other = { ...config, mixer: retentionMixer({ decays: (heads) => Array(heads).fill(0.5) }) };
    const [a, b] = [config, other].map((c) => logits({ config: c, params, tokens: sequence }));
    expect(() => assertClose(a!, b!, close)).to.throw("largest error");
  });
});
