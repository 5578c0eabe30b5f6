/** The delta rule 32 positions at a time, rung `chunked`: only whole chunks come one after the other. */

import * as tf from "@tensorflow/tfjs";
import type { DeltaRuleInputs } from "../fused.js";
import { release } from "../tensors.js";
import { type Reads, reads, solveChunks, walkChunks } from "./chunks.js";

type Infos = Readonly<Record<keyof DeltaRuleInputs, tf.TensorInfo>>;

/** o, `[B, H, T, E]`, and the state before each chunk, `[B, H, chunks, D, E]`: all that the gradient keeps. */
export function chunked(inputs: Infos): tf.TensorInfo[] {
  const { q, k, v } = inputs;
  const [W, known] = solve(inputs);
  const [u, states] = walkChunks("states", [k, W, known], v.shape[3]!) as [tf.TensorInfo, tf.TensorInfo];
  const o = reads({ r: q, m: k, w: u, states });
  release(W, known, u);
  return [o, states];
}

/**
 * Per chunk, with S before it, dS after it, L below the diagonal of diag(β) K Kᵀ; tril and triu with the diagonal, trils and trius without:
 *
 *   dU = triu(K Qᵀ) dO + K dS,   G = (I + L)⁻ᵀ dU,   dV = diag(β) G,   dQ = dO Sᵀ + tril(dO Uᵀ) K,
 *   X = G Sᵀ + trils(G Uᵀ) K,   dK = U dSᵀ + triu(U dOᵀ) Q − trius(U dVᵀ) K − diag(β) X,   dβ_t = G_t · v_t − X_t · k_t
 */
export function chunkedGradient(
  inputs: Readonly<Record<"q" | "k" | "v" | "dO", tf.Tensor4D>> & { readonly beta: tf.Tensor3D },
  states: tf.Tensor,
) {
  const { q, k, v, beta, dO } = inputs;
  const [W, known] = solve(inputs).map(tensor) as [tf.Tensor4D, tf.Tensor4D];
  const u = tf.sub(known, read({ r: W, states })) as tf.Tensor4D;
  const Y = read({ r: k, m: q, w: dO, later: true });
  const [dU, after] = walkChunks("states-back", [q, k, W, dO, Y], v.shape[3]).map(tensor);
  const [G, dV] = solveChunks("solve-back", [k, beta, dU!], [v.shape, v.shape]).map(tensor) as [
    tf.Tensor4D,
    tf.Tensor4D,
  ];
  const X = read({ r: G, m: u, w: k, states, transposed: true, exclusive: true });
  return {
    q: () => read({ r: dO, m: u, w: k, states, transposed: true }),
    k: () => {
      const outer = read({ r: u, m: dO, w: q, states: after, transposed: true, later: true });
      const corrected = read({ r: u, m: dV, w: k, later: true, exclusive: true });
      return tf.sub(outer, tf.add(corrected, tf.mul(tf.expandDims(beta, 3), X)));
    },
    v: () => dV,
    beta: () => tf.sub(tf.sum(tf.mul(G, v), 3), tf.sum(tf.mul(X, k), 3)),
  };
}

/** W, `[B, H, T, D]`, and Ũ, `[B, H, T, E]`. */
function solve({ k, v, beta }: Pick<Infos, "k" | "v" | "beta">): [tf.TensorInfo, tf.TensorInfo] {
  return solveChunks("solve", [k, beta, v], [k.shape, v.shape]) as [tf.TensorInfo, tf.TensorInfo];
}

const tensor = (info: tf.TensorInfo) => tf.engine().makeTensorFromTensorInfo(info) as tf.Tensor4D;
const read = (options: Reads) => tensor(reads(options));
