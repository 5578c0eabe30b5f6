/**
 * The delta rule: a state that, before it stores a value under a key, takes out what it holds under that key.
 *
 * Schlag et al., "Linear Transformers Are Secretly Fast Weight Programmers", 2021, arXiv:2102.11174; chunk by chunk: Yang et al.,
 * "Parallelizing Linear Transformers with the Delta Rule over Sequence Length", 2024, arXiv:2406.06484.
 *
 *   u_t = β_t (v_t − S_{t−1}ᵀ k_t),   S_t = S_{t−1} + k_t u_tᵀ,   o_t = S_tᵀ q_t                          S [D, E]
 *
 * In a chunk with the state S before it:  (I + L) U = diag(β) (V − K S),  L = strictly lower part of diag(β) K Kᵀ.
 * Identities (test/kernels/delta-rule.test.ts): equals a float64 loop; orthonormal keys with β = 1 make it linear attention.
 * On `webgpu` kernels of ours (kernels/delta-rule), elsewhere chunk by chunk out of tfjs's operations. Cost: O(T D E).
 */

import * as tf from "@tensorflow/tfjs";
import { causalMask } from "./attention.js";
import { mergeChunks, splitChunks } from "./chunks.js";
import { DELTA_RULE, hasKernel, MAX_STATE, runKernel } from "./kernels/fused.js";
import { dims } from "./shapes.js";

export interface DeltaRuleOptions {
  /** `[B, H, T, D]` */
  readonly q: tf.Tensor4D;
  /** `[B, H, T, D]`; of length 1, or at most √(2/β): longer ones make the state grow without bound. */
  readonly k: tf.Tensor4D;
  /** `[B, H, T, E]` */
  readonly v: tf.Tensor4D;
  /** How much of the new value is stored, `[B, H, T]`, from 0 to 1. */
  readonly beta: tf.Tensor3D;
}

/** A power of two: the inverse below is exact for it. */
const CHUNK = 16;

/** o, `[B, H, T, E]`. @throws RangeError when shapes disagree. */
export function deltaRule(options: DeltaRuleOptions): tf.Tensor4D {
  const { q, k, v, beta } = options;
  check(options);
  if (!hasKernel(DELTA_RULE) || Math.max(q.shape[3], v.shape[3]) > MAX_STATE) {
    return tf.tidy(() => composed(options));
  }
  return tf.tidy(() => runKernel(DELTA_RULE, { q, k, v, beta }, {})[0] as tf.Tensor4D);
}

/** The same out of tfjs's operations, on every backend. */
export function composedDeltaRule(options: DeltaRuleOptions): tf.Tensor4D {
  check(options);
  return tf.tidy(() => composed(options));
}

function check({ q, k, v, beta }: DeltaRuleOptions): void {
  const expected = {
    q: [q, "B H T D"],
    k: [k, "B H T D"],
    v: [v, "B H T E"],
    beta: [beta, "B H T"],
  } as const;
  dims("deltaRule", expected);
}

function composed({ q, k, v, beta }: DeltaRuleOptions): tf.Tensor4D {
  const [[B, H, T, D], E] = [q.shape, v.shape[3]];
  const [Q, K, V, b] = [q, k, v, tf.expandDims(beta, 3) as tf.Tensor4D].map((x) => splitChunks(x, CHUNK)) as [
    ...[tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.Tensor4D],
  ]; // [B·H, N, c, ·]
  const N = Q.shape[1];
  const sees = tf.cast(causalMask(CHUNK), "float32");
  const strictly = tf.sub(sees, tf.eye(CHUNK)) as tf.Tensor2D;
  const L = tf.mul(tf.mul(tf.matMul(K, K, false, true), b), strictly) as tf.Tensor4D;
  const inverse = inverseOfUnitLower(L);
  const U = tf.unstack(tf.matMul(inverse, tf.mul(V, b)), 1) as tf.Tensor3D[]; // N of [B·H, c, E]
  const W = tf.unstack(tf.matMul(inverse, tf.mul(K, b)), 1) as tf.Tensor3D[]; // N of [B·H, c, D]
  const A = tf.unstack(tf.mul(tf.matMul(Q, K, false, true), sees), 1) as tf.Tensor3D[];
  const [queries, keys] = [tf.unstack(Q, 1), tf.unstack(K, 1)] as [tf.Tensor3D[], tf.Tensor3D[]];
  let state = tf.zeros<tf.Rank.R3>([B * H, D, E]);
  const outputs = queries.map((query, n) => {
    const u: tf.Tensor3D = tf.sub(U[n]!, tf.matMul(W[n]!, state));
    const o: tf.Tensor3D = tf.add(tf.matMul(query, state), tf.matMul(A[n]!, u));
    state = tf.add(state, tf.matMul(keys[n]!, u, true, false));
    return o;
  });
  return mergeChunks(tf.reshape(tf.stack(outputs, 1), [B * H, N, CHUNK, E]), { B, H, T });
}

/** (I + L)⁻¹ = (I − L)(I + L²)(I + L⁴)(I + L⁸): L is nilpotent, L¹⁶ = 0. */
function inverseOfUnitLower(L: tf.Tensor4D): tf.Tensor4D {
  const I = tf.eye(CHUNK);
  let [inverse, power] = [tf.sub(I, L) as tf.Tensor4D, L];
  for (let exponent = 2; exponent < CHUNK; exponent *= 2) {
    power = tf.matMul(power, power);
    inverse = tf.matMul(inverse, tf.add(I, power) as tf.Tensor4D);
  }
  return inverse;
}
