/** What must hold in Mamba's selective scan (lib/variants/mamba.ts states the equations). */

import * as tf from "@tensorflow/tfjs";
import { assertClose, type Tolerance } from "../assert-close.js";
import type { Random } from "../random.js";
import type { Form, Identity } from "./identity.js";

const single: Tolerance = {
  tolerance: 1e-5,
  because: "float32 exponentials, and sums of at most 40 products",
};

/**
 * A selective scan of one sequence, Euler's discretisation: `x [T, D]`, `delta [T, D]`, `A [D, N]`, `B [T, N]`, `C [T, N]` →
 * `[T, D]`.
 */
export type Scan = Form<[x: tf.Tensor2D, delta: tf.Tensor2D, A: tf.Tensor2D, B: tf.Tensor2D, C: tf.Tensor2D]>;

export const scanIdentities: readonly Identity<Scan>[] = [
  {
    sentence: "each channel follows h_t = exp(Δ A) h_(t−1) + Δ B x, y_t = C · h_t",
    hint: "Decay the old state first, then add Δ B x, then read. B and C are shared by all channels, Δ and A are not.",
    async check(form, random) {
      for (const T of [1, 4 + random.integer(8)]) {
        const given = draw(random, T, 2 + random.integer(4), 1 + random.integer(4));
        assertClose(await form(...given), direct(...given), single, `output at T = ${T}`);
      }
    },
  },
  {
    sentence: "a token with Δ = 0 changes nothing: without it, the others have the same outputs",
    hint: "Δ = 0 gives exp(0) = 1 and adds nothing. Does anything of that token still get into the state?",
    async check(form, random) {
      const [T, skipped] = [8, 1 + random.integer(6)];
      const [x, delta, A, B, C] = draw(random, T, 3, 2);
      const others = tf.tensor1d(
        Array.from({ length: T }, (_, t) => t).filter((t) => t !== skipped),
        "int32",
      );
      const silent = tf.mul(delta, tf.reshape(notAt(skipped, T), [T, 1])) as tf.Tensor2D;
      const kept = (tensor: tf.Tensor2D) => tf.gather(tensor, others);
      const all = await form(x, silent, A, B, C);
      const { shape, data } = plain(all);
      const without = {
        shape: [T - 1, shape[1]!],
        data: data.filter((_, i) => Math.floor(i / shape[1]!) !== skipped),
      };
      assertClose(
        await form(kept(x), kept(delta), A, kept(B), kept(C)),
        without,
        single,
        "the other outputs",
      );
    },
  },
  {
    sentence: "a huge Δ forgets: what came before that token no longer shows",
    hint: "A is negative, so exp(Δ A) goes to 0. If the past grows instead, look at the sign of A.",
    async check(form, random) {
      const [T, reset] = [9, 3];
      const [x, delta, A, B, C] = draw(random, T, 3, 2);
      const long = tf.add(delta, tf.reshape(tf.mul(tf.sub(1, notAt(reset, T)), 1e3), [T, 1])) as tf.Tensor2D;
      const otherPast = tf.concat([random.normalTensor<tf.Rank.R2>([reset, 3]), tf.slice(x, reset)], 0);
      const rows = (value: Awaited<ReturnType<Scan>>) => {
        const { shape, data } = plain(value);
        return { shape: [T - reset, shape[1]!], data: data.slice(reset * shape[1]!) };
      };
      const before = rows(await form(x, long, A, B, C));
      assertClose(rows(await form(otherPast, long, A, B, C)), before, single, "outputs from the reset on");
    },
  },
  {
    sentence: "with Δ, B and C the same for all tokens it is a convolution with the kernel C · Ā^k B̄",
    hint: "Then nothing depends on where a token stands: only how long ago it was counts.",
    async check(form, random) {
      const [T, D, N] = [9, 3, 2];
      const [x, delta, A, B, C] = draw(random, T, D, N);
      const everywhere = (tensor: tf.Tensor2D) => tf.tile(tf.slice(tensor, 0, 1), [T, 1]) as tf.Tensor2D;
      const constant = [everywhere(delta), A, everywhere(B), everywhere(C)] as const;
      assertClose(await form(x, ...constant), convolution(x, ...constant), single, "output");
    },
  },
  {
    sentence: "row t does not change when later tokens change",
    hint: "The state runs forward only.",
    async check(form, random) {
      const [T, cut] = [9, 1 + random.integer(7)];
      const [x, delta, A, B, C] = draw(random, T, 3, 2);
      const [x2, delta2, , B2, C2] = draw(random, T, 3, 2);
      const spliced = (early: tf.Tensor2D, late: tf.Tensor2D): tf.Tensor2D =>
        tf.concat([tf.slice(early, 0, cut), tf.slice(late, cut)], 0);
      const first = (value: Awaited<ReturnType<Scan>>) => {
        const { shape, data } = plain(value);
        return { shape: [cut, shape[1]!], data: data.slice(0, cut * shape[1]!) };
      };
      const before = first(await form(x, delta, A, B, C));
      const changed = first(
        await form(spliced(x, x2), spliced(delta, delta2), A, spliced(B, B2), spliced(C, C2)),
      );
      assertClose(changed, before, single, `rows 0 … ${cut - 1}`);
    },
  },
];

/** A recurrence h_t = a_t h_(t−1) + u_t from h_0 = 0, entry by entry: `a [T, F]`, `u [T, F]` → all states `[T, F]`. */
export type Recurrence = Form<[a: tf.Tensor2D, u: tf.Tensor2D]>;

export const recurrenceIdentities: readonly Identity<Recurrence>[] = [
  {
    sentence: "row t is a_t times row t − 1 plus u_t, for lengths that are powers of two and others",
    hint: "Two steps in one: (a₁, u₁) then (a₂, u₂) is (a₂ a₁, a₂ u₁ + u₂). The order matters.",
    async check(form, random) {
      for (const T of [1, 2, 3, 8, 13]) {
        const [a, u] = [random.uniformTensor<tf.Rank.R2>([T, 3]), random.normalTensor<tf.Rank.R2>([T, 3])];
        assertClose(await form(a, u), loop(a, u), single, `states at T = ${T}`);
      }
    },
  },
  {
    sentence: "gates of exactly 0 and long rows of gates near 0 give finite, right states",
    hint: "Do not divide by products of gates, nor take their logarithms: after a few gates near 0 such a product is 0.",
    async check(form, random) {
      const T = 24;
      const gates = Array.from({ length: 2 * T }, () => [0, 1e-20, 1e-12, 1][random.integer(4)]!);
      const [a, u] = [tf.tensor2d(gates, [T, 2]), random.normalTensor<tf.Rank.R2>([T, 2])];
      assertClose(await form(a, u), loop(a, u), single, "states");
    },
  },
];

function draw(random: Random, T: number, D: number, N: number) {
  const normal = (rows: number, columns: number) => random.normalTensor<tf.Rank.R2>([rows, columns]);
  return [
    normal(T, D),
    random.uniformTensor<tf.Rank.R2>([T, D], 0.05, 1.5),
    random.uniformTensor<tf.Rank.R2>([D, N], -2, -0.2),
    normal(T, N),
    normal(T, N),
  ] as const satisfies Parameters<Scan>;
}

/** The definition, as loops in float64. */
function direct(...[x, delta, A, B, C]: Parameters<Scan>) {
  const [X, step, decay, write, read] = [x, delta, A, B, C].map((tensor) =>
    tensor.arraySync(),
  ) as number[][][];
  const states = decay!.map((row) => row.map(() => 0));
  const data = X!.flatMap((row, t) =>
    row.map((input, d) =>
      states[d]!.reduce((sum, old, n) => {
        const dt = step![t]![d]!;
        const next = Math.exp(dt * decay![d]![n]!) * old + dt * write![t]![n]! * input;
        states[d]![n] = next;
        return sum + read![t]![n]! * next;
      }, 0),
    ),
  );
  return { shape: x.shape, data };
}

/** Σ_k kernel[k] x[t − k] with kernel[k] = Σ_n C[n] exp(k Δ A[n]) Δ B[n], from row 0 of Δ, B and C, in float64. */
function convolution(...[x, delta, A, B, C]: Parameters<Scan>) {
  const [X, decay] = [x.arraySync(), A.arraySync()];
  const [step, write, read] = [delta, B, C].map((tensor) => tensor.arraySync()[0]!) as [
    number[],
    number[],
    number[],
  ];
  const kernel = (d: number, k: number) =>
    decay[d]!.reduce((sum, a, n) => sum + read[n]! * Math.exp(k * step[d]! * a) * step[d]! * write[n]!, 0);
  const data = X.flatMap((row, t) =>
    row.map((_, d) => X.slice(0, t + 1).reduce((sum, then, s) => sum + kernel(d, t - s) * then[d]!, 0)),
  );
  return { shape: x.shape, data };
}

function loop(a: tf.Tensor2D, u: tf.Tensor2D) {
  const [gates, inputs] = [a.arraySync(), u.arraySync()];
  let state = gates[0]!.map(() => 0);
  const data = gates.flatMap((row, t) => {
    state = state.map((old, f) => row[f]! * old + inputs[t]![f]!);
    return state;
  });
  return { shape: a.shape, data };
}

/** Ones, and a zero at one place: `[T]`. */
function notAt(place: number, T: number): tf.Tensor1D {
  return tf.tensor1d(Array.from({ length: T }, (_, t) => (t === place ? 0 : 1)));
}

/** A matrix as numbers; a wrong rank is left to the comparison that follows. */
function plain(value: Awaited<ReturnType<Scan>>) {
  if (typeof value === "number") throw new TypeError(`expected a matrix, got the number ${value}`);
  const data =
    "data" in value && typeof value.data !== "function" ? value.data : (value as tf.Tensor).dataSync();
  return { shape: value.shape, data: Array.from(data as ArrayLike<number>) };
}
