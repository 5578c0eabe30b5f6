/** Problems for attention's kernels: drawn numbers with outliers, the kernel's answer with gradients, the reference's. */

import * as tf from "@tensorflow/tfjs";
import { assertClose, type Tolerance } from "workbook/assert-close";
import type { BackendName } from "workbook/backend";
import type { Rung } from "workbook/kernels/fused";
import { random } from "workbook/random";
import {
  type ReferenceAttention,
  referenceAttention,
  referenceAttentionGradient,
} from "../reference/attention.js";
import { read } from "./on-gpu.js";

export const rounding: Tolerance = {
  tolerance: 2e-4,
  because: "outliers lift scores to 130, whose float32 leaves 8e-6 in a weight; values and keys reach 30",
};

export interface Sizes {
  readonly B?: number;
  readonly H?: number;
  readonly G?: number;
  readonly T: number;
  readonly S?: number;
  readonly D: number;
  readonly E?: number;
}

export type Heads = { readonly [name in "q" | "k" | "v"]: tf.Tensor4D };

/** Normal numbers, every 97th ten times as large. */
export function draw(sizes: Sizes, seed: number) {
  const { B = 1, H = 1, G = H, T, S = T, D, E = D } = sizes;
  const r = random(seed);
  const numbers = (count: number) =>
    Float32Array.from({ length: count }, (_, i) => r.normal() * (i % 97 === 0 ? 10 : 1));
  const data = { q: numbers(B * H * T * D), k: numbers(B * G * S * D), v: numbers(B * G * S * E) };
  const tensors: Heads = {
    q: tf.tensor4d(data.q, [B, H, T, D]),
    k: tf.tensor4d(data.k, [B, G, S, D]),
    v: tf.tensor4d(data.v, [B, G, S, E]),
  };
  const dOut = Float32Array.from({ length: B * H * T * E }, () => r.normal());
  return { tensors, numbers: { B, H, G, T, S, D, E, ...data }, dOut };
}

/** The versions of a kernel that a backend has: on all but `webgpu` the composition of tfjs's operations, which is none. */
export function rungsOf(backend: BackendName): readonly (Rung | undefined)[] {
  return backend === "webgpu" ? ["plain", "tiled", "subgroup"] : [undefined];
}

/** The output of `f`, and the gradients of Σ dOut ∘ f by q, k and v. */
export function withGradients(f: (heads: Heads) => tf.Tensor4D, { q, k, v }: Heads, dOut: Float32Array) {
  let out: tf.Tensor4D | undefined;
  const [dq, dk, dv] = tf.grads((q, k, v) => {
    const y = f({ q: q as tf.Tensor4D, k: k as tf.Tensor4D, v: v as tf.Tensor4D });
    out = tf.keep(y);
    return tf.sum(tf.mul(y, tf.tensor4d(dOut, y.shape)));
  })([q, k, v]);
  return { out: out!, q: dq!, k: dk!, v: dv! };
}

/** Holds `f`, forward and backward, against float64 loops. */
export async function assertAttends(
  f: (heads: Heads) => tf.Tensor4D,
  { tensors, numbers, dOut }: ReturnType<typeof draw>,
  pattern: Pick<ReferenceAttention, "sees" | "bias"> = {},
  tolerance: Tolerance = rounding,
): Promise<void> {
  const actual = withGradients(f, tensors, dOut);
  assertClose(await read(actual.out), referenceAttention({ ...numbers, ...pattern }), tolerance, "output");
  const gradients = referenceAttentionGradient({ ...numbers, ...pattern, dOut });
  for (const name of ["q", "k", "v"] as const) {
    assertClose(await read(actual[name]), gradients[name], tolerance, `gradient of ${name}`);
  }
  tf.dispose(actual);
}
