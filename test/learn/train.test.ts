import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { afterEach, before, beforeEach, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { type DisplayHost, setDisplayHost } from "workbook/display";
import { adamw } from "workbook/learn/adamw";
import { initLanguageModel, languageModelLoss, type Params } from "workbook/learn/language-model";
import { ngramModel } from "workbook/learn/ngram";
import { type Batch, sampleBatch } from "workbook/learn/text";
import { type History, type TrainOptions, train } from "workbook/learn/train";
import { trainLanguageModel, validationLoss } from "workbook/learn/train-language-model";
import { random } from "workbook/random";

const config = { vocabulary: 5, width: 16, layers: 1, heads: 2 };
const pattern = Int32Array.from({ length: 200 }, (_, i) => [0, 1, 2, 3, 4, 2][i % 6]!);

/** A small run on a text with a period of six, and what it leaves. */
async function run(
  options: Partial<TrainOptions<Batch>> = {},
): Promise<{ history: History; params: Params }> {
  const params = initLanguageModel({ config, seed: 1 });
  const optimiser = adamw({ params, clipNorm: 1 });
  const history = await train({
    params,
    optimiser,
    learningRate: 0.01,
    steps: 12,
    batch: (step) => sampleBatch({ tokens: pattern, length: 8, batch: 4, seed: step }),
    loss: (batch) => languageModelLoss({ config, params, batch }),
    ...options,
  } as TrainOptions<Batch>);
  optimiser.dispose();
  return { history, params };
}

const losses = ({ training }: History) => training.map(({ loss }) => loss);

describe("train", () => {
  let messages: Parameters<DisplayHost>[0][];
  before(async () => {
    await useBackend();
  });
  beforeEach(() => {
    messages = [];
    setDisplayHost((message) => messages.push(message));
  });
  afterEach(() => setDisplayHost(undefined));

  it("the same seed gives the same losses and parameters, bit by bit; another seed does not", async () => {
    const [one, same] = [await run(), await run()];
    const batch = (step: number) =>
      sampleBatch({ tokens: pattern, length: 8, batch: 4, seed: `other ${step}` });
    const other = await run({ batch });
    expect(losses(one.history)).to.deep.equal(losses(same.history));
    expect(losses(one.history)).not.to.deep.equal(losses(other.history));
    for (const [name, parameter] of Object.entries(one.params)) {
      expect(Array.from(parameter.dataSync()), name).to.deep.equal(Array.from(same.params[name]!.dataSync()));
    }
    tf.dispose([one.params, same.params, other.params]);
  });

  it("the first loss is ln V, and a text with a period of six is learned by heart", async () => {
    const { history, params } = await run({ steps: 80 });
    expect(history.training[0]).to.deep.include({ step: 1 });
    expect(history.training[0]!.loss).to.be.closeTo(Math.log(5), 1e-5);
    // Only a window's first token can be ambiguous: 2 is followed by 3 and by 0.
    expect(history.training.at(-1)!.loss).to.be.lessThan(0.15);
    const text = ngramModel({ train: pattern, vocabulary: 5, order: 2 }).crossEntropy(pattern);
    expect(await validationLoss({ config, params, tokens: pattern, length: 8 })).to.be.lessThan(text);
    tf.dispose(params);
  });

  it("holds no more tensors after thirty steps than after three", async () => {
    const held: number[] = [];
    const loss = (step: number) => {
      held[step] = tf.memory().numTensors;
      return sampleBatch({ tokens: pattern, length: 8, batch: 4, seed: step });
    };
    const { params } = await run({ steps: 30, batch: loss });
    expect(held[29]).to.equal(held[3]);
    tf.dispose(params);
  });

  it("yields to the event loop between steps", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const seen: number[] = [];
    const batch = (step: number) => {
      seen.push(turns);
      return sampleBatch({ tokens: pattern, length: 8, batch: 4, seed: step });
    };
    const { params } = await run({ batch, steps: 20 });
    clearInterval(timer);
    expect(seen.at(-1)).to.be.greaterThan(2);
    tf.dispose(params);
  });

  it("measures the validation loss every few steps and at the end, in any case once", async () => {
    let calls = 0;
    const evaluate = () => ++calls;
    const { history, params } = await run({ evaluate, evaluateEvery: 5 });
    expect(history.validation).to.deep.equal([
      { step: 5, loss: 1 },
      { step: 10, loss: 2 },
      { step: 12, loss: 3 },
    ]);
    const short = await run({ evaluate, budgetSeconds: 0 });
    expect(short.history.outOfTime).to.equal(true);
    expect(short.history.training).to.have.length(1);
    expect(short.history.validation).to.deep.equal([{ step: 1, loss: 4 }]);
    tf.dispose([params, short.params]);
  });

  it("goes on from a first step with the batches and the learning rates of that step", async () => {
    const asked: number[] = [];
    const learningRate = (step: number) => {
      asked.push(step);
      return 0.01;
    };
    const { history, params } = await run({ firstStep: 9, learningRate });
    expect(asked).to.deep.equal([9, 10, 11]);
    expect(history.training.map(({ step }) => step)).to.deep.equal([10, 11, 12]);
    tf.dispose(params);
  });

  it("stops at a loss that is not finite, with the parameters as they were before it", async () => {
    const params = { a: tf.variable(tf.scalar(2)) };
    const optimiser = adamw({ params });
    const loss = ({ divisor }: { divisor: tf.Tensor }) => tf.div(params.a, divisor) as tf.Scalar;
    const batch = (step: number) => ({ divisor: tf.scalar(step === 2 ? 0 : 1) });
    let before = Number.NaN;
    const options = {
      params,
      optimiser,
      loss,
      steps: 5,
      learningRate: (step: number) => {
        if (step === 2) [before] = params.a.dataSync() as Float32Array as unknown as [number];
        return 0.1;
      },
      batch,
    };
    const error = await train(options).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(String(error)).to.equal("RangeError: train: expected a finite loss, got Infinity at step 3");
    expect(params.a.dataSync()[0]).to.equal(before);
    expect(String(messages.at(-1)?.data["text/plain"])).to.contain("the loss became Infinity");
    optimiser.dispose();
    tf.dispose(params);
  });

  it("shows one display, updated in place and left with the final figures", async () => {
    const { params } = await run({ label: "tiny", unit: "tokens", itemsPerStep: 32 });
    expect(messages.map(({ update }) => update)).to.deep.equal([false, ...messages.slice(1).map(() => true)]);
    expect(new Set(messages.map(({ id }) => id)).size).to.equal(1);
    const last = messages.at(-1)!.data;
    expect(last["text/plain"]).to.match(
      /^tiny 12\/12 · loss \d\.\d{3} · [\d.]+k? tokens\/s · done in \d+ s$/,
    );
    expect(last["text/html"]).to.contain("data:image/svg+xml;base64,").and.to.contain('aria-valuenow="12"');
    tf.dispose(params);
  });

  it("wants more steps than are done already", async () => {
    const error = await run({ firstStep: 12 }).catch((reason: unknown) => reason);
    expect(String(error)).to.contain("train: expected more steps than the 12 already done, got 12");
  });
});

describe("trainLanguageModel", () => {
  it("beats the bigram of a text whose next token depends on two before it", async () => {
    await useBackend();
    // The next token is the sum of the last two, modulo 5, but for one in twenty.
    const { uniform, integer } = random(1);
    const tokens = Int32Array.from({ length: 4000 });
    for (let i = 2; i < tokens.length; i++) {
      tokens[i] = uniform() < 0.05 ? integer(5) : (tokens[i - 1]! + tokens[i - 2]!) % 5;
    }
    const split = { train: tokens.subarray(0, 3500), validation: tokens.subarray(3500) };
    const recipe = { length: 8, batch: 16, steps: 150, warmup: 10, peakLearningRate: 0.01, beta2: 0.99 };
    setDisplayHost(() => {});
    const { params, history } = await trainLanguageModel({
      config: config,
      recipe: { ...recipe, weightDecay: 0.01, clipNorm: 1 },
      tokens: split,
      seed: 1,
      evaluations: 2,
    });
    setDisplayHost(undefined);
    const bigram = ngramModel({ train: split.train, vocabulary: 5, order: 2 }).crossEntropy(split.validation);
    expect(history.validation.map(({ step }) => step)).to.deep.equal([75, 150]);
    expect(bigram).to.be.greaterThan(1.5);
    expect(history.validation.at(-1)!.loss).to.be.lessThan(bigram - 0.3);
    tf.dispose(params);
  });
});
