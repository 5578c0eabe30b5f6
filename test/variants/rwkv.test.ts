import { readFileSync } from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { before, describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { useBackend } from "workbook/backend";
import { paper } from "workbook/catalog";
import { stableWkvIdentities, wkvIdentities } from "workbook/identities/rwkv";
import { count } from "workbook/measure/count";
import { random } from "workbook/random";
import { root } from "workbook/root";
import {
  logDecay,
  type WkvOptions,
  type WkvState,
  wkv,
  wkvChunkwise,
  wkvRecurrent,
  wkvState,
  wkvStep,
  wkvWeights,
} from "workbook/variants/rwkv";
import { onEveryBackend } from "../backends.js";
import { growth, powersOfTwo } from "../growth.js";
import { type ReferenceWkv, referenceWkv } from "../reference/wkv.js";

const rounding = {
  tolerance: 1e-5,
  because: "float32 exponentials of exponents rounded where they are small, and averages",
};

const forms = {
  parallel: wkv,
  recurrent: wkvRecurrent,
  "chunkwise, chunk 8": wkvChunkwise,
  "chunkwise, chunk 7": (options: WkvOptions) => wkvChunkwise({ ...options, chunk: 7 }),
};

interface Sizes {
  readonly B?: number;
  readonly T: number;
  readonly C: number;
}

interface Spread {
  /** Every 97th value, and every 89th key, is that many times as large. */
  readonly outlier?: number;
  /** Decays between these. */
  readonly decays?: readonly [low: number, high: number];
}

/** Random inputs with outliers, and the same numbers for the reference. */
function draw(
  { B = 1, T, C }: Sizes,
  seed: string | number,
  { outlier = 10, decays = [-5, 3] }: Spread = {},
) {
  const r = random(seed);
  const sequence = (every: number) => {
    const values = r.normalTensor<tf.Rank.R3>([B, T, C]).dataSync();
    for (let i = 0; i < values.length; i += every) values[i]! *= outlier;
    return tf.tensor3d(values, [B, T, C]);
  };
  const tensors = {
    w: logDecay(r.uniformTensor<tf.Rank.R1>([C], ...decays)),
    u: r.normalTensor<tf.Rank.R1>([C]),
    k: sequence(89),
    v: sequence(97),
  };
  return { tensors, numbers: numbersOf(tensors) };
}

function numbersOf({ w, u, k, v }: WkvOptions): ReferenceWkv {
  const [B, T, C] = k.shape;
  return { B, T, C, w: w.dataSync(), u: u.dataSync(), k: k.dataSync(), v: v.dataSync() };
}

/** The recurrence in float64, for lengths at which the double sum would take minutes. */
function longReference({ B, T, C, w, u, k, v }: ReferenceWkv) {
  const data = new Float64Array(B * T * C);
  for (let b = 0; b < B; b++) {
    for (let c = 0; c < C; c++) {
      let [sum, weights, scale] = [0, 0, Number.NEGATIVE_INFINITY];
      for (let t = 0; t < T; t++) {
        const at = (b * T + t) * C + c;
        const own = k[at]! + u[c]!;
        const top = Math.max(scale, own);
        const [past, present] = [Math.exp(scale - top), Math.exp(own - top)];
        data[at] = (past * sum + present * v[at]!) / (past * weights + present);
        const next = Math.max(scale + w[c]!, k[at]!);
        const [old, added] = [Math.exp(scale + w[c]! - next), Math.exp(k[at]! - next)];
        [sum, weights, scale] = [old * sum + added * v[at]!, old * weights + added, next];
      }
    }
  }
  return { shape: [B, T, C], data };
}

onEveryBackend("variants/rwkv", (backend) => {
  const sizes: Sizes[] = [
    { T: 1, C: 1 },
    { T: 1, C: 60 },
    { B: 2, T: 63, C: 8 },
    { T: 65, C: 60 },
    { T: 64, C: 16 },
    { B: 2, T: 130, C: 4 },
  ];
  for (const size of sizes) {
    const name = JSON.stringify(size).replaceAll('"', "");
    for (const [form, run] of Object.entries(forms)) {
      it(`${form}: equals the float64 sum at ${name}`, () => {
        const { tensors, numbers } = draw(size, name);
        assertClose(run(tensors), referenceWkv(numbers), rounding);
      });
    }
  }

  for (const { sentence, check } of [...wkvIdentities, ...stableWkvIdentities]) {
    for (const [form, run] of Object.entries(forms)) {
      it(`${form}: ${sentence}`, () =>
        check((w, u, k, v) => {
          const rows = (x: tf.Tensor2D) => tf.expandDims(x, 0) as tf.Tensor3D;
          return tf.squeeze(run({ w, u, k: rows(k), v: rows(v) }), [0]);
        }, random(sentence)));
    }
  }

  it("agrees with transformers' RWKV, outputs and states, from nothing and from a state", () => {
    interface Vector {
      name: string;
      shape: [number, number, number];
      decay: number[];
      u: number[];
      k: number[];
      v: number[];
      y: number[];
      after: number[];
      start?: number[];
    }
    const file = path.join(root, "test/vectors/rwkv.json");
    const { attention: cases } = JSON.parse(readFileSync(file, "utf8")) as { attention: Vector[] };
    expect(cases.length).to.equal(4);
    for (const { name, shape, decay, u, k, v, y, after, start } of cases) {
      const [B, , C] = shape;
      const state = ([a, b, m]: tf.Tensor[]) => ({ a, b, m }) as WkvState;
      const options = {
        w: logDecay(tf.tensor1d(decay)),
        u: tf.tensor1d(u),
        k: tf.tensor3d(k, shape),
        v: tf.tensor3d(v, shape),
        state: start && state(tf.unstack(tf.tensor3d(start, [3, B, C]))),
      };
      for (const [form, run] of Object.entries(forms)) {
        assertClose(run(options), { shape, data: y }, rounding, `${name}, ${form}`);
      }
      // Sums relative to different maxima are the same state: compare the average and the logarithm of all weights.
      const meaning = ({ a, b, m }: WkvState) => tf.stack([tf.div(a, b), tf.add(m, tf.log(b))]);
      const expected = meaning(state(tf.unstack(tf.tensor3d(after, [3, B, C]))));
      assertClose(meaning(wkvState(options)), expected, rounding, `${name}, state`);
    }
  });

  it("its weights are positive, sum to 1 in every row, see no later token, and give the output", () => {
    const { tensors, numbers } = draw({ B: 2, T: 33, C: 3 }, "weights");
    const weights = wkvWeights(tensors);
    assertClose(tf.sum(weights, 3), tf.ones([2, 3, 33]), rounding, "row sums");
    const future = tf.sub(1, tf.linalg.bandPart(tf.ones([33, 33]), -1, 0));
    expect(tf.max(tf.mul(weights, future)).dataSync()[0]).to.equal(0);
    const values = tf.expandDims(tf.transpose(tensors.v, [0, 2, 1]), 3);
    const y = tf.transpose(tf.squeeze(tf.matMul(weights, values), [3]), [0, 2, 1]);
    assertClose(y, referenceWkv(numbers), rounding, "output");
  });

  for (const [form, run] of Object.entries(forms)) {
    it(`${form}: its gradients equal the sum's finite differences`, () => {
      const { tensors, numbers } = draw({ T: 19, C: 2 }, 4, { outlier: 3, decays: [-3, 1] });
      const cotangent = random(5).normalTensor<tf.Rank.R3>([1, 19, 2]);
      const factors = cotangent.dataSync();
      const names = ["w", "u", "k", "v"] as const;
      const gradients = tf.grads((w, u, k, v) =>
        tf.sum(tf.mul(run({ w, u, k, v } as WkvOptions), cotangent)),
      )(names.map((name) => tensors[name]));
      const loss = (given: ReferenceWkv) =>
        referenceWkv(given).data.reduce((sum, y, i) => sum + y * factors[i]!, 0);
      for (const [i, name] of names.entries()) {
        const values = Float64Array.from(numbers[name]);
        const slope = values.map((value, at) => {
          const shifted = (h: number) => loss({ ...numbers, [name]: values.with(at, value + h) });
          return (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
        });
        const expected = { shape: tensors[name].shape, data: slope };
        assertClose(gradients[i]!, expected, rounding, `gradient of ${name}`);
      }
    });
  }

  it("one token at a time, from state to state, equals the whole; so does a text read in two parts", () => {
    const { tensors, numbers } = draw({ B: 2, T: 21, C: 4 }, 6);
    const { w, u, k, v } = tensors;
    const expected = referenceWkv(numbers);
    const part = (x: tf.Tensor3D, from: number, length: number) => tf.slice(x, [0, from, 0], [2, length, 4]);
    let state: WkvState | undefined;
    const outputs: tf.Tensor3D[] = [];
    for (let t = 0; t < 21; t++) {
      const step = wkvStep({ w, u, k: part(k, t, 1), v: part(v, t, 1), state });
      outputs.push(step.y);
      state = step.state;
    }
    expect([state!.a, state!.b, state!.m].map(({ shape }) => shape)).to.deep.equal([
      [2, 4],
      [2, 4],
      [2, 4],
    ]);
    assertClose(tf.concat(outputs, 1), expected, rounding, "steps");

    const [early, late] = [
      [0, 9],
      [9, 12],
    ].map(([from, length]) => ({ w, u, k: part(k, from!, length!), v: part(v, from!, length!) }));
    const read = wkvState(early!);
    for (const [form, run] of Object.entries(forms)) {
      const y = tf.concat([run(early!), run({ ...late!, state: read })], 1);
      assertClose(y, expected, rounding, `${form}, two parts`);
    }
  });

  it("each form leaves exactly its output, and its inputs and their state alone", () => {
    const { tensors } = draw({ T: 33, C: 4 }, 7);
    const state = wkvState(tensors);
    for (const [form, run] of Object.entries({
      ...forms,
      wkvWeights,
      wkvState,
      logDecay: () => logDecay(tensors.u),
    })) {
      const before = tf.memory().numTensors;
      tf.dispose(run({ ...tensors, state }) as tf.TensorContainer);
      expect(tf.memory().numTensors, form).to.equal(before);
      const given = [...Object.values(tensors), state.a, state.b, state.m];
      expect(given.some(({ isDisposed }) => isDisposed)).to.equal(false);
    }
  });

  it("decays from none to all at once and keys of ±10⁶ stay finite and right, gradients too", () => {
    const [T, C] = [65, 6];
    const { tensors } = draw({ T, C }, 2);
    const w = tf.tensor1d([0, -1e-7, -0.5, -100, -1e6, -1e30]);
    const places = Float32Array.from(
      { length: T * C },
      (_, i) => [0, 0, 1e6, 0, -1e6, 0, 50, 0][((i * 7) % 11) % 8]!,
    );
    const options = { ...tensors, w, u: tf.zeros<tf.Rank.R1>([C]), k: tf.tensor3d(places, [1, T, C]) };
    const expected = referenceWkv(numbersOf(options));
    for (const [form, run] of Object.entries(forms)) {
      assertClose(run(options), expected, rounding, form);
      const gradients = tf.grads((w, k) => run({ ...options, w: w as tf.Tensor1D, k: k as tf.Tensor3D }))([
        w,
        options.k,
      ]);
      for (const gradient of gradients) {
        expect(tf.all(tf.isFinite(gradient)).dataSync()[0], form).to.equal(1);
      }
    }
  });

  it("w = −exp(decay) is negative and finite for every decay", () => {
    const w = logDecay(tf.tensor1d([-50, 0, 1, 1000])).dataSync();
    assertClose(
      { shape: [3], data: w.slice(0, 3) },
      { shape: [3], data: [-Math.exp(-50), -1, -Math.E] },
      rounding,
    );
    expect(w.every((x) => x < 0 && Number.isFinite(x * 2 ** 14))).to.equal(true);
  });

  it("a slow decay is not lost beside a large key, after 4,000 steps", () => {
    // One key of 200, whose weight e^(200 − 0.05 n) meets keys of 0 after n = 4,000 tokens.
    const T = 4200;
    const keys = Float32Array.from({ length: T }, (_, t) => (t === 0 ? 200 : 0));
    const values = Float32Array.from({ length: T }, (_, t) => (t === 0 ? 1 : 0));
    const options = {
      w: tf.tensor1d([-0.05]),
      u: tf.zeros<tf.Rank.R1>([1]),
      k: tf.tensor3d(keys, [1, T, 1]),
      v: tf.tensor3d(values, [1, T, 1]),
    };
    const expected = longReference(numbersOf(options));
    expect(Math.min(...expected.data)).to.be.lessThan(1e-3);
    const steps = { tolerance: 5e-5, because: "exponents near 200, whose last digit is 1.5e-5" };
    const all = backend === "tensorflow" ? forms : { "chunkwise, chunk 8": wkvChunkwise };
    for (const [form, run] of Object.entries(all)) assertClose(run(options), expected, steps, form);
  });

  // The plain JavaScript backend would need minutes for the same sums.
  if (backend === "tensorflow") {
    it("at T = 16,384, with decays from e^(−10⁻⁴) to e^(−20) and outliers of ±100 among keys and values, the forms equal the float64 loop", function () {
      this.timeout(90_000); // 16,384 steps of twenty kernels each

      const { tensors, numbers } = draw({ T: 16_384, C: 8 }, 8, { outlier: 30, decays: [-9.2, 3] });
      const { shape, data } = longReference(numbers);
      const expected = { shape, data: data.map((y) => y / 30) };
      for (const run of [wkv, wkvChunkwise])
        assertClose(tf.div(run(tensors), 30), expected, rounding, run.name);
      const steps = {
        tolerance: 5e-5,
        because: "e^w is rounded in the same direction at each of 10,000 steps",
      };
      assertClose(tf.div(wkvRecurrent(tensors), 30), expected, steps, "recurrent");
    });
  }

  it("says what it expected and what it got", () => {
    const zeros = (...shape: number[]) => tf.zeros(shape) as unknown as tf.Tensor3D;
    const [w, u] = [tf.zeros<tf.Rank.R1>([8]), tf.zeros<tf.Rank.R1>([8])];
    const good = { w, u, k: zeros(1, 3, 8), v: zeros(1, 3, 8) };
    const says = (run: () => unknown, message: string) => expect(run).to.throw(RangeError, message);
    says(
      () => wkv({ ...good, v: zeros(1, 3, 1) }),
      "wkv: expected v of shape [B, T, C] with C = 8 (from k), got [1, 3, 1]",
    );
    says(
      () => wkvRecurrent({ ...good, w: tf.zeros([4]) }),
      "wkvRecurrent: expected w of shape [C] with C = 8 (from k), got [4]",
    );
    says(() => wkvStep(good), "wkvStep: expected one position, got 3");
    const short = tf.zeros<tf.Rank.R2>([1, 4]);
    says(
      () => wkvState({ ...good, state: { a: short, b: short, m: short } }),
      "wkvState: expected a of shape [B, C] with C = 8 (from k), got [1, 4]",
    );
    for (const chunk of [0, 1, 2.5]) {
      says(
        () => wkvChunkwise({ ...good, chunk }),
        `wkvChunkwise: expected a chunk of 2 or more positions, got ${chunk}`,
      );
    }
  });
});

describe("variants/rwkv: what it costs", () => {
  before(() => useBackend());

  const inputs = (T: number) => draw({ T, C: 16 }, T).tensors;

  it("operations and peak bytes of chunkwise and parallel form grow as the catalog says, from T = 2⁸ to 2¹⁴", async () => {
    const { time, memory } = paper("rwkv");
    expect([time, memory]).to.deep.equal(["n", "n"]);
    for (const run of [wkvChunkwise, wkv]) {
      const { flops, peakBytes } = await growth(powersOfTwo(8, 14), inputs, run);
      expect(flops, `${run.name}, operations`).to.be.closeTo(1, 0.05);
      expect(peakBytes, `${run.name}, peak bytes`).to.be.closeTo(1, 0.05);
    }
  });

  it("so do those of the recurrent form, to T = 2¹¹", async () => {
    const { flops, peakBytes } = await growth(powersOfTwo(8, 11), inputs, wkvRecurrent);
    expect(flops, "operations").to.be.closeTo(1, 0.05);
    expect(peakBytes, "peak bytes").to.be.closeTo(1, 0.05);
  });

  it("recurrently a token takes 25 operations a channel", async () => {
    const { tensors } = draw({ T: 10, C: 16 }, 1);
    const { flops } = await count(() => wkvRecurrent(tensors));
    expect(flops).to.equal(10 * 25 * 16);
  });

  it("a step costs the same after ten tokens and after a thousand", async () => {
    const costAfter = async (T: number) => {
      const { tensors } = draw({ T, C: 16 }, 3);
      const state = wkvState(tensors);
      const one = draw({ T: 1, C: 16 }, 4).tensors;
      const { flops, peakBytes } = await count(() => wkvStep({ ...one, state }));
      return { flops, peakBytes };
    };
    expect(await costAfter(1000)).to.deep.equal(await costAfter(10));
  });
});
