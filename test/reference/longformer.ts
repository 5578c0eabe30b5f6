/** Longformer's definition in float64, and problems for it. */

import * as tf from "@tensorflow/tfjs";
import { random } from "workbook/random";
import type { LongformerOptions } from "workbook/variants/longformer";
import { type Float64, referenceAttention } from "./attention.js";

/** A problem, by its sizes. */
export interface Case {
  readonly B?: number;
  readonly H?: number;
  readonly T: number;
  readonly D: number;
  readonly E?: number;
  readonly window: number;
  readonly dilation?: number;
  readonly causal?: boolean;
  readonly globals?: readonly number[];
}

/** Normal numbers with outliers, as tensors of the form's options. */
export function draw({ B = 1, H = 1, T, D, E = D, globals = [], ...pattern }: Case, seed: string | number) {
  const r = random(seed);
  const tensor = (length: number, width: number): tf.Tensor4D => {
    const values = r.normalTensor<tf.Rank.R4>([B, H, length, width]).dataSync();
    for (let i = 0; i < values.length; i += 97) values[i]! *= 10;
    return tf.tensor4d(values, [B, H, length, width]);
  };
  const g = globals.length;
  const global = g > 0 && {
    global: { positions: globals, q: tensor(g, D), k: tensor(T, D), v: tensor(T, E) },
  };
  return { q: tensor(T, D), k: tensor(T, D), v: tensor(T, E), ...pattern, ...global } as LongformerOptions;
}

/** The definition, from the float64 loop of attention. Numbers that are on the CPU still, as after `draw`. */
export function reference({
  q,
  k,
  v,
  window,
  dilation = 1,
  causal = false,
  global,
}: LongformerOptions): Float64 {
  const [B, H, T, D] = q.shape;
  const E = v.shape[3];
  const globals = global?.positions ?? [];
  const past = (t: number, s: number) => !causal || s <= t;
  const numbers = (x: tf.Tensor4D) => x.dataSync();
  const sizes = { B, H, G: H, S: T, D, E };
  const local = referenceAttention({
    ...sizes,
    T,
    q: numbers(q),
    k: numbers(k),
    v: numbers(v),
    sees: (_b, _h, t, s) =>
      past(t, s) &&
      (globals.includes(s) || ((t - s) % dilation === 0 && Math.abs(t - s) / dilation <= window / 2)),
  });
  if (global === undefined) return local;
  const full = referenceAttention({
    ...sizes,
    T: globals.length,
    q: numbers(global.q),
    k: numbers(global.k),
    v: numbers(global.v),
    sees: (_b, _h, n, s) => past(globals[n]!, s),
  });
  for (let row = 0; row < B * H; row++) {
    globals.forEach((p, n) => {
      const from = (row * globals.length + n) * E;
      local.data.set(full.data.subarray(from, from + E), (row * T + p) * E);
    });
  }
  return local;
}
