import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { useBackend } from "workbook/backend";
import { hyenaMixer } from "workbook/learn/hyena-mixer";
import {
  initLanguageModel,
  type LanguageModelConfig,
  languageModelLoss,
} from "workbook/learn/language-model";
import { linearMixer } from "workbook/learn/linear-mixer";
import { longformerMixer } from "workbook/learn/longformer-mixer";
import { mambaMixer } from "workbook/learn/mamba-mixer";
import { type Mixer, softmaxMixer } from "workbook/learn/mixer";
import { reformerMixer } from "workbook/learn/reformer-mixer";
import { retentionMixer } from "workbook/learn/retnet-mixer";
import { rwkvMixer } from "workbook/learn/rwkv-mixer";
import { mobyDickRecipe, trainLanguageModel } from "workbook/learn/train-language-model";
import { random } from "workbook/random";
import { onGpu, read } from "./on-gpu.js";

const mixers: readonly Mixer[] = [
  softmaxMixer,
  linearMixer,
  longformerMixer({ window: 4, globals: [0] }),
  reformerMixer({ chunk: 4, rounds: 2 }),
  hyenaMixer({ length: 20 }),
  rwkvMixer(),
  retentionMixer(),
  mambaMixer(),
];

const rounding = { tolerance: 5e-5, because: "float32 sums through one block and back, in another order" };

/** Of Hyena's filters, which are made of sines. */
const sines = { tolerance: 5e-4, because: "WGSL promises of a sine an error of at most 2⁻¹¹" };

type Step = Readonly<Record<string, Awaited<ReturnType<typeof read>>>>;

/** The loss of one batch and its gradient by every parameter, the same numbers on every backend. */
async function step(mixer: Mixer): Promise<Step> {
  const config: LanguageModelConfig = { vocabulary: 11, width: 16, layers: 1, heads: 2, mixer };
  const initial = initLanguageModel({ config, seed: 1 });
  const { normal, integer } = random(2);
  // None is zero, so that no gradient is.
  const params = Object.fromEntries(
    Object.entries(initial).map(([name, { shape, size }]) => {
      const values = Float32Array.from({ length: size }, () => 0.4 * normal());
      return [name, tf.variable(tf.tensor(values, shape))];
    }),
  );
  const tokens = () =>
    tf.tensor2d(
      Array.from({ length: 40 }, () => integer(11)),
      [2, 20],
      "int32",
    );
  const batch = { inputs: tokens(), targets: tokens() };
  const { value, grads } = tf.variableGrads(
    () => languageModelLoss({ config, params, batch }),
    Object.values(params),
  );
  const named = Object.entries(params).map(([name, { id: _, name: own }]) => [name, grads[own]!] as const);
  const results: Record<string, Awaited<ReturnType<typeof read>>> = { loss: await read(value) };
  for (const [name, gradient] of named) results[name] = await read(gradient);
  tf.dispose([value, grads, batch, params, initial] as unknown as tf.TensorContainer);
  return results;
}

onGpu("kernels/training: a model's loss and gradients are those of the CPU", () => {
  const expected = new Map<string, Step>();

  before(async () => {
    await useBackend("tensorflow").catch(() => useBackend("cpu"));
    for (const mixer of mixers) expected.set(mixer.name, await step(mixer));
    await useBackend("webgpu");
  });

  for (const mixer of mixers) {
    it(mixer.name, async () => {
      const right = expected.get(mixer.name)!;
      const got = await step(mixer);
      expect(Object.keys(got)).to.deep.equal(Object.keys(right));
      const tolerance = mixer.name === "hyena" ? sines : rounding;
      for (const [name, numbers] of Object.entries(got)) assertClose(numbers, right[name]!, tolerance, name);
    });
  }

  it("a whole training, validation included", async () => {
    const numbers = Int32Array.from({ length: 600 }, (_, i) => (i * i) % 11);
    const options = {
      config: { vocabulary: 11, width: 16, layers: 1, heads: 2 },
      recipe: { ...mobyDickRecipe, length: 16, batch: 4, steps: 6, warmup: 2 },
      tokens: { train: numbers.subarray(0, 400), validation: numbers.subarray(400) },
      seed: 1,
    };
    const losses = async () => {
      const { params, history } = await trainLanguageModel(options);
      tf.dispose(params);
      return [...history.training, ...history.validation].map(({ loss }) => loss);
    };
    const got = await losses();
    await useBackend("tensorflow").catch(() => useBackend("cpu"));
    const right = await losses();
    await useBackend("webgpu");
    expect(got).to.have.length(right.length);
    assertClose({ shape: [got.length], data: got }, { shape: [got.length], data: right }, rounding);
  });
});
