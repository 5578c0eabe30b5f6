import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { type GenerateOptions, generate, generateRecurrent } from "workbook/learn/generate";
import { initLanguageModel, logits, type Params } from "workbook/learn/language-model";
import { random } from "workbook/random";

const config = { vocabulary: 6, width: 8, layers: 2, heads: 2 };

describe("generate", () => {
  let params: Params;
  let options: GenerateOptions;
  before(async () => {
    await useBackend();
    params = initLanguageModel({ config, seed: 1 });
    const generator = random(2);
    for (const parameter of Object.values(params)) {
      tf.tidy(() => parameter.assign(generator.normalTensor(parameter.shape as [number], 0.5)));
    }
    options = { config, params, prompt: [1, 2], length: 12, seed: 3 };
  });
  after(() => tf.dispose(params));

  it("the cache writes what the full pass writes, at any temperature, and both leave no tensor", () => {
    const before = tf.memory().numTensors;
    for (const temperature of [0, 0.5, 1]) {
      const whole = generate({ ...options, temperature, context: 14 });
      expect(whole).to.have.length(12);
      expect(generateRecurrent({ ...options, temperature })).to.deep.equal(whole);
    }
    expect(tf.memory().numTensors).to.equal(before);
  });

  it("the same seed writes the same, another seed something else", () => {
    const write = (seed: number) => generate({ ...options, seed, context: 8 });
    expect(write(1)).to.deep.equal(write(1));
    expect(write(1)).not.to.deep.equal(write(2));
  });

  it("reads no further back than its context", () => {
    const [short, long] = [
      [3, 1, 2],
      [5, 5, 1, 2],
    ].map((prompt) => generate({ ...options, prompt, context: 2, temperature: 0 }));
    expect(short).to.deep.equal(long);
    expect(generate({ ...options, prompt: [3, 1, 2], context: 3, temperature: 0 })).not.to.deep.equal(short);
  });

  it("draws a token as often as the softmax of logits / temperature says", () => {
    const [prompt, temperature, draws] = [[4], 0.25, 200];
    const shares = tf.tidy(() => {
      const scores = logits({ config, params, tokens: tf.tensor2d([prompt], [1, 1], "int32") });
      return Array.from(tf.softmax(tf.div(scores, temperature)).dataSync());
    });
    const drawn = Array.from(
      { length: draws },
      (_, seed) => generate({ ...options, prompt, temperature, length: 1, seed, context: 1 })[0],
    );
    shares.forEach((share, token) => {
      const got = drawn.filter((draw) => draw === token).length / draws;
      const deviation = Math.sqrt((share * (1 - share)) / draws);
      expect(Math.abs(got - share), `token ${token}`).to.be.at.most(4 * deviation);
    });
  });

  it("says what it needs", () => {
    expect(() => generate({ ...options, prompt: [], context: 2 })).to.throw(
      "generate: expected a prompt of at least 1 token, got none",
    );
    expect(() => generate({ ...options, context: 0 })).to.throw("a context of at least 1 token, got 0");
    expect(() => generateRecurrent({ ...options, temperature: -1 })).to.throw(
      "generateRecurrent: expected a temperature of at least 0, got -1",
    );
  });
});
