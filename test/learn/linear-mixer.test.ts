import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { useBackend } from "workbook/backend";
import {
  type DecodingState,
  decodeStep,
  initLanguageModel,
  logits,
  startDecoding,
} from "workbook/learn/language-model";
import { linearMixer } from "workbook/learn/linear-mixer";
import { softmaxMixer } from "workbook/learn/mixer";
import { random } from "workbook/random";

const config = { vocabulary: 5, width: 8, layers: 2, heads: 2, mixer: linearMixer };

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
  return Array.from({ length: T }, () => integer(5));
}

/** The logits after each token in turn, and the numbers that the state held then. */
function decodeAll(params: ReturnType<typeof livelyModel>, sequence: number[], mixer = linearMixer) {
  let state: DecodingState = startDecoding({ config: { ...config, mixer }, batch: 1 });
  const sizes: number[] = [];
  const steps = sequence.map((token) => {
    const input = tf.tensor2d([[token]], undefined, "int32");
    const next = decodeStep({ config: { ...config, mixer }, params, tokens: input, state });
    state = next.state;
    sizes.push(state.layers.flatMap(Object.values).reduce((sum, { size }) => sum + size, 0));
    return next.logits;
  });
  return { logits: tf.concat(steps, 1), sizes };
}

describe("learn/linear-mixer", () => {
  before(() => useBackend());

  it("decoding token by token equals the full pass, below and above one chunk of 64", () => {
    const params = livelyModel();
    for (const T of [1, 9, 70]) {
      const sequence = tokens(T);
      const full = logits({ config, params, tokens: tf.tensor2d([sequence], undefined, "int32") });
      const close = { tolerance: 1e-4, because: "float32 through two layers with weights of 0.5" };
      assertClose(decodeAll(params, sequence).logits, full, close, `T = ${T}`);
    }
  });

  it("a layer's state has H · D · (D + 1) numbers after every token, the softmax cache 2 C more with each", () => {
    const params = livelyModel();
    expect(decodeAll(params, tokens(5)).sizes).to.deep.equal([80, 80, 80, 80, 80]);
    expect(decodeAll(params, tokens(5), softmaxMixer).sizes).to.deep.equal([32, 64, 96, 128, 160]);
  });
});
