/** What must hold in Hyena's convolution and recurrence (lib/variants/hyena.ts states the equations). */

import * as tf from "@tensorflow/tfjs";
import { assertClose, type Tolerance } from "../assert-close.js";
import type { Random } from "../random.js";
import type { Form, Identity } from "./identity.js";

const single: Tolerance = {
  tolerance: 1e-5,
  because: "float32 sums of at most 20 products, by transforms of at most 64 numbers",
};

/** A causal convolution, channel by channel: `u [C, T]`, `h [C, T]` → `[C, T]`. */
export type Convolution = Form<[u: tf.Tensor2D, h: tf.Tensor2D]>;

export const convolutionIdentities: readonly Identity<Convolution>[] = [
  {
    sentence: "entry t is the sum of h_(t−s) u_s over s ≤ t",
    hint: "The input of s positions ago meets entry s of the filter: h₀ is the present. Neither is reversed beforehand.",
    async check(form, random) {
      for (const T of [1, 2, 5 + random.integer(8)]) {
        const [u, h] = [draw(random, T), draw(random, T)];
        assertClose(await form(u, h), direct(u, h), single, `output at T = ${T}`);
      }
    },
  },
  {
    sentence: "entry t does not change when later inputs change",
    hint: "A Fourier transform of length n convolves on a circle: what runs off the end comes back at the start. How many zeros must stand behind the input?",
    async check(form, random) {
      const T = 8;
      const [u, after, h] = [draw(random, T), draw(random, T), draw(random, T)];
      const cut = 1 + random.integer(T - 2);
      const spliced: tf.Tensor2D = tf.concat(
        [tf.slice(u, [0, 0], [channels, cut]), tf.slice(after, [0, cut], [channels, T - cut])],
        1,
      );
      const before = columns(await form(u, h), 0, cut);
      assertClose(columns(await form(spliced, h), 0, cut), before, single, `entries 0 … ${cut - 1}`);
    },
  },
  {
    sentence: "an input of a single 1 gives the filter, from there on",
    hint: "Silence before the 1, then h₀, h₁, … up to the end of the text, and nothing after it wraps round.",
    async check(form, random) {
      const T = 8 + random.integer(4);
      const at = T - 2;
      const h = draw(random, T);
      const row = Array.from({ length: T }, (_, t) => (t === at ? 1 : 0));
      const impulse = tf.tensor2d(Array.from({ length: channels }, () => row));
      const shifted = tf.concat([tf.zeros([channels, at]), tf.slice(h, [0, 0], [channels, T - at])], 1);
      assertClose(await form(impulse, h), shifted, single, `response to a 1 at ${at}`);
    },
  },
];

/** Definition 3.1: `v [C, T]`, `gates [N, C, T]`, `filters [N, C, T]` → `[C, T]`. */
export type Recurrence = Form<[v: tf.Tensor2D, gates: tf.Tensor3D, filters: tf.Tensor3D]>;

export const hyenaIdentities: readonly Identity<Recurrence>[] = [
  {
    sentence: "each order convolves first and multiplies by its gate then",
    hint: "z ← xⁿ · (hⁿ * z), from n = 1 to N. The first thing that happens to v is a convolution with h¹.",
    async check(form, random) {
      for (const N of [1, 2, 3]) {
        const T = 4 + random.integer(5);
        const [v, gates, filters] = [draw(random, T), drawOrders(random, N, T), drawOrders(random, N, T)];
        const expected = directRecurrence(v, gates, filters);
        // Products of three sums of ten numbers reach a hundred.
        assertClose(await form(v, gates, filters), expected, single, `output at order ${N}`);
      }
    },
  },
  {
    sentence: "entry t does not change when later values and gates change",
    hint: "Every convolution of the chain must be causal. Gates see their own position only.",
    async check(form, random) {
      const [T, cut] = [8, 1 + random.integer(6)];
      const [v, gates, filters] = [draw(random, T), drawOrders(random, 2, T), drawOrders(random, 2, T)];
      const [later, laterGates] = [draw(random, T), drawOrders(random, 2, T)];
      const spliced = <R extends tf.Tensor2D | tf.Tensor3D>(early: R, late: R): R => {
        const halves = tf.split(early, [cut, T - cut], -1);
        return tf.concat([halves[0]!, tf.split(late, [cut, T - cut], -1)[1]!], -1) as R;
      };
      const before = columns(await form(v, gates, filters), 0, cut);
      const changed = await form(spliced(v, later), spliced(gates, laterGates), filters);
      assertClose(columns(changed, 0, cut), before, single, `entries 0 … ${cut - 1}`);
    },
  },
  {
    sentence:
      "with h¹ = 1, 0, 0, … and h² = γᵗ it is retention with queries x², keys x¹ and heads of width 1",
    hint: "Then y_t = x²_t Σ_(s≤t) γ^(t−s) x¹_s v_s: write down order 2 with these two filters.",
    async check(form, random) {
      const [T, gamma] = [9, 0.5 + 0.4 * random.uniform()];
      const [v, gates] = [draw(random, T), drawOrders(random, 2, T)];
      const rows = (entry: (t: number) => number) =>
        tf.tile(tf.tensor2d([Array.from({ length: T }, (_, t) => entry(t))]), [channels, 1]);
      const filters = tf.stack([rows((t) => (t === 0 ? 1 : 0)), rows((t) => gamma ** t)]) as tf.Tensor3D;
      const [keys, queries] = gates.arraySync();
      const values = v.arraySync();
      const data = queries!.flatMap((row, c) =>
        row.map((query, t) => {
          let sum = 0;
          for (let s = 0; s <= t; s++) sum += gamma ** (t - s) * keys![c]![s]! * values[c]![s]!;
          return query * sum;
        }),
      );
      assertClose(await form(v, gates, filters), { shape: v.shape, data }, single, "output");
    },
  },
];

const channels = 3;

function draw(random: Random, T: number): tf.Tensor2D {
  return random.normalTensor<tf.Rank.R2>([channels, T]);
}

function drawOrders(random: Random, N: number, T: number): tf.Tensor3D {
  return random.normalTensor<tf.Rank.R3>([N, channels, T]);
}

/** The causal sums, as loops in float64. */
function sums(u: readonly number[], h: readonly number[]): number[] {
  return u.map((_, t) => u.slice(0, t + 1).reduce((sum, x, s) => sum + h[t - s]! * x, 0));
}

function direct(u: tf.Tensor2D, h: tf.Tensor2D) {
  const [inputs, filters] = [u.arraySync(), h.arraySync()];
  return { shape: u.shape, data: inputs.flatMap((row, c) => sums(row, filters[c]!)) };
}

function directRecurrence(v: tf.Tensor2D, gates: tf.Tensor3D, filters: tf.Tensor3D) {
  const [X, H] = [gates.arraySync(), filters.arraySync()];
  const last = X.reduce(
    (z, gate, n) => z.map((row, c) => sums(row, H[n]![c]!).map((sum, t) => gate[c]![t]! * sum)),
    v.arraySync(),
  );
  return { shape: v.shape, data: last.flat() };
}

/** Columns `from` to before `to`; a wrong shape is left to the comparison that follows. */
function columns(value: Awaited<ReturnType<Convolution>>, from: number, to: number) {
  if (typeof value === "number") throw new TypeError(`expected a matrix, got the number ${value}`);
  const plain =
    "data" in value && typeof value.data !== "function" ? value.data : (value as tf.Tensor).dataSync();
  const width = value.shape[1]!;
  const data = Array.from(plain as ArrayLike<number>).filter((_, i) => i % width >= from && i % width < to);
  return { shape: [value.shape[0]!, to - from], data };
}
