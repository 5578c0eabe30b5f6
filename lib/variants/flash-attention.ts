/**
 * FlashAttention: softmax attention tile by tile, so that the T × S table of scores never exists as a whole.
 *
 * Dao, Fu, Ermon, Rudra, Ré, "FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness", 2022,
 * arXiv:2205.14135.
 *
 *   per tile of scores s:  m' = max(m, max s),   l' = e^(m−m') l + Σ e^(s−m'),   o' = e^(m−m') o + e^(s−m') V    (section 3.1)
 *   at the end:            O = o / l,   L = m + ln l                                              (Algorithm 1)
 *   backward:              P = e^(S−L),   dV = Pᵀ dO,   dS = P ∘ (dO Vᵀ − rowsum(dO ∘ O)),   dQ = dS K,   dK = dSᵀ Q   (Algorithm 4)
 *
 * Identities (lib/identities/flash-attention.ts): every tiling gives softmax attention, and its gradients;
 * L is the logarithm of the sum of each row's exponentials.
 * Cost per head: 2 T S (D + E) FLOPs and a little more, half of it where causal; forward T numbers beside the result, backward
 * nothing of size T · S.
 * Deviates from the paper: queries are the outer loop and o is divided once, at the end, as in FlashAttention-2 (arXiv:2307.08691);
 * L is kept in place of m and l; no dropout; tfjs operations on each tile, so that the tiles lie in the processor's cache at best:
 * the fused kernels are in lib/kernels/attention/.
 */

import * as tf from "@tensorflow/tfjs";
import { MASK_VALUE } from "../attention.js";
import { dims, ensure } from "../shapes.js";
import { type Block, blocks, isHidden, rows, tileScores } from "./flash-attention-tiles.js";

export interface FlashAttentionOptions {
  /** Queries `[B, H, T, D]`. */
  readonly q: tf.Tensor4D;
  /** Keys `[B, H, S, D]`. */
  readonly k: tf.Tensor4D;
  /** Values `[B, H, S, E]`. */
  readonly v: tf.Tensor4D;
  /** Query t sees keys up to t + (S − T), as in `attention`; one that sees none gets zeros. */
  readonly causal?: boolean;
  /** Multiplies the scores; 1/√D unless given. */
  readonly scale?: number;
  /** Queries in a tile; 512 unless given: on `tensorflow` smaller tiles spend their time on starting kernels. */
  readonly queryBlock?: number;
  /** Keys in a tile; 512 unless given. */
  readonly keyBlock?: number;
}

/**
 * softmax(Q Kᵀ · scale + mask) V, shape `[B, H, T, E]`. Its gradient computes the scores anew, tile
 * by tile, and has no gradient itself.
 *
 * @throws RangeError when shapes disagree, or a block is no positive integer.
 */
export function flashAttention(options: FlashAttentionOptions): tf.Tensor4D {
  const problem = checked("flashAttention", options);
  const attend = tf.customGrad((...args) => {
    const [q, k, v, save] = args as unknown as [...Inputs, (kept: tf.Tensor[]) => void];
    const { out, lse } = forward({ ...problem, q, k, v });
    save([q, k, v, out, lse]);
    const gradFunc = (dOut: tf.Tensor, saved: tf.Tensor[]) => {
      const [q, k, v, out, lse] = saved as [...Inputs, tf.Tensor4D, tf.Tensor4D];
      return backward({ ...problem, q, k, v }, dOut as tf.Tensor4D, { out, lse });
    };
    return { value: out, gradFunc };
  });
  return attend(problem.q, problem.k, problem.v) as tf.Tensor4D;
}

type Inputs = [q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D];

/** The result, and what the backward pass keeps instead of the table of weights. */
export interface FlashAttentionResult {
  /** `[B, H, T, E]` */
  readonly out: tf.Tensor4D;
  /** L, the logarithm of each row's sum of exponentials, `[B, H, T, 1]`; `MASK_VALUE` where the row saw no key. */
  readonly lse: tf.Tensor4D;
}

/** The same result with L beside it; no gradient. */
export function flashAttentionForward(options: FlashAttentionOptions): FlashAttentionResult {
  const problem = checked("flashAttentionForward", options);
  return tf.tidy(() => ({ ...forward(problem) }));
}

/** What is known of some queries' rows after some of the keys: `m` and `l` are `[B, H, t, 1]`, `o` is `[B, H, t, E]`. */
type Running = Readonly<Record<"m" | "l" | "o", tf.Tensor4D>>;

/** Takes in a tile of scores `[B, H, t, s]` and its values `[B, H, s, E]`: online softmax. */
function absorb({ m, l, o }: Running, s: tf.Tensor4D, v: tf.Tensor4D): Running {
  const next: tf.Tensor4D = tf.maximum(m, tf.max(s, 3, true)); // [B, H, t, 1]
  const keep = tf.exp(tf.sub(m, next));
  const p: tf.Tensor4D = tf.exp(tf.sub(s, next)); // [B, H, t, s]
  return {
    m: next,
    l: tf.add(tf.mul(keep, l), tf.sum(p, 3, true)),
    o: tf.add(tf.mul(keep, o), tf.matMul(p, v)),
  };
}

function forward(problem: Problem): FlashAttentionResult {
  const { T, queryBlock } = problem;
  const parts = blocks(T, queryBlock).map((queries) => attendRows(problem, queries));
  const [out, lse] = [parts.map((part) => part.out), parts.map((part) => part.lse)];
  const whole = { out: tf.concat(out, 2), lse: tf.concat(lse, 2) };
  tf.dispose([...out, ...lse]);
  return whole;
}

/** The result and L of one block of queries, `[B, H, t, E]` and `[B, H, t, 1]`, tile by tile. */
function attendRows(problem: Problem, queries: Block): FlashAttentionResult {
  return tf.tidy(() => {
    const { q, k, v, B, H, S, E, scale, keyBlock } = problem;
    const Q: tf.Tensor4D = tf.mul(rows(q, queries), scale); // [B, H, t, D]
    const full = (width: number, value: number): tf.Tensor4D => tf.fill([B, H, Q.shape[2], width], value);
    let running: Running = { m: full(1, MASK_VALUE), l: full(1, 0), o: full(E, 0) };
    for (const keys of blocks(S, keyBlock)) {
      if (isHidden(problem, queries, keys)) break;
      const next = tf.tidy(() => {
        const s = tileScores(problem, Q, k, queries, keys); // [B, H, t, s]
        return absorb(running, s, rows(v, keys));
      });
      tf.dispose(running);
      running = next;
    }
    const { m, l, o } = running;
    // A maximum that is still the mask's: the row saw nothing, and added up what masked keys hold.
    const blind = tf.lessEqual(m, MASK_VALUE);
    const out: tf.Tensor4D = tf.where(blind, tf.zerosLike(o), tf.div(o, tf.maximum(l, 1e-30)));
    const lse: tf.Tensor4D = tf.where(blind, m, tf.add(m, tf.log(l)));
    return { out, lse };
  });
}

/** What backward works with besides: gradient and result of `[B, H, T, E]`, `lse` and `delta` of `[B, H, T, 1]`. */
interface Returning {
  /** Gradient of the loss by the result. */
  readonly dOut: tf.Tensor4D;
  /** L; 0 in a row that saw nothing, so that its weights e^(S−L) are 0. */
  readonly lse: tf.Tensor4D;
  /** rowsum(dO ∘ O), which is rowsum(P ∘ dP) without P. */
  readonly delta: tf.Tensor4D;
}

/** `[dQ, dK, dV]`: each tile of P is computed anew, used three times, and dropped. */
function backward(problem: Problem, dOut: tf.Tensor4D, { out, lse }: FlashAttentionResult): tf.Tensor4D[] {
  return tf.tidy(() => {
    const { q, k, v, T, S, queryBlock, keyBlock } = problem;
    const delta: tf.Tensor4D = tf.sum(tf.mul(dOut, out), 3, true);
    const seen: tf.Tensor4D = tf.where(tf.lessEqual(lse, MASK_VALUE), tf.zerosLike(lse), lse);
    const queryBlocks = blocks(T, queryBlock);
    const dQ = queryBlocks.map((queries) => tf.zerosLike(rows(q, queries)));
    const sums = blocks(S, keyBlock).map((keys) => {
      let [dK, dV] = [tf.zerosLike(rows(k, keys)), tf.zerosLike(rows(v, keys))];
      for (const [i, queries] of queryBlocks.entries()) {
        if (isHidden(problem, queries, keys)) continue;
        const old = [dQ[i]!, dK, dV];
        const [dq, dk, dv] = tf.tidy(() => {
          const added = tileGradients(problem, { dOut, lse: seen, delta }, queries, keys);
          return added.map((x, n) => tf.add<tf.Tensor4D>(old[n]!, x));
        }) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
        tf.dispose(old);
        [dQ[i], dK, dV] = [dq, dk, dv];
      }
      return { dK, dV };
    });
    const [dKs, dVs] = [sums.map(({ dK }) => dK), sums.map(({ dV }) => dV)];
    return [tf.concat(dQ, 2), tf.concat(dKs, 2), tf.concat(dVs, 2)];
  });
}

/** What one tile adds to dQ, dK and dV. */
function tileGradients(
  problem: Problem,
  { dOut, lse, delta }: Returning,
  queries: Block,
  keys: Block,
): tf.Tensor4D[] {
  const Q: tf.Tensor4D = tf.mul(rows(problem.q, queries), problem.scale);
  const [K, V, dO] = [rows(problem.k, keys), rows(problem.v, keys), rows(dOut, queries)];
  const S = tileScores(problem, Q, problem.k, queries, keys); // [B, H, t, s]
  const P: tf.Tensor4D = tf.exp(tf.sub(S, rows(lse, queries)));
  const dP: tf.Tensor4D = tf.matMul(dO, V, false, true);
  const dS: tf.Tensor4D = tf.mul(P, tf.sub(dP, rows(delta, queries)));
  const dQ: tf.Tensor4D = tf.mul(tf.matMul(dS, K), problem.scale);
  const dK: tf.Tensor4D = tf.matMul(dS, Q, true, false);
  const dV: tf.Tensor4D = tf.matMul(P, dO, true, false);
  return [dQ, dK, dV];
}

type Problem = ReturnType<typeof checked>;

function checked(name: string, options: FlashAttentionOptions) {
  const { q, k, v, causal = false, scale, queryBlock = 512, keyBlock = 512 } = options;
  const sizes = dims(name, { q: [q, "B H T D"], k: [k, "B H S D"], v: [v, "B H S E"] });
  for (const [label, size] of Object.entries({ queryBlock, keyBlock })) {
    ensure(
      Number.isInteger(size) && size >= 1,
      `${name}: expected ${label} to be a positive integer, got ${size}`,
    );
  }
  const { B, H, T, S, D, E } = sizes as Record<"B" | "H" | "T" | "S" | "D" | "E", number>;
  return { q, k, v, causal, scale: scale ?? 1 / Math.sqrt(D), queryBlock, keyBlock, B, H, T, S, D, E };
}
