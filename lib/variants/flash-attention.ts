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
import { blocks, isHidden, rows, tileScores } from "./flash-attention-tiles.js";

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
 * softmax(Q Kᵀ · scale + mask) V, shape `[B, H, T, E]`; its gradient computes the scores anew, tile by tile. The gradient has none itself.
 *
 * @throws RangeError when shapes disagree, or a block is no positive integer.
 */
export function flashAttention(options: FlashAttentionOptions): tf.Tensor4D {
  const problem = checked("flashAttention", options);
  const attend = tf.customGrad((...args) => {
    const [q, k, v, save] = args as unknown as [
      tf.Tensor4D,
      tf.Tensor4D,
      tf.Tensor4D,
      (kept: tf.Tensor[]) => void,
    ];
    const { out, lse } = forward({ ...problem, q, k, v });
    save([q, k, v, out, lse]);
    const gradFunc = (dOut: tf.Tensor, saved: tf.Tensor[]) => {
      const [q, k, v, out, lse] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
      return backward({ ...problem, q, k, v, out, lse, dOut: dOut as tf.Tensor4D });
    };
    return { value: out, gradFunc };
  });
  return attend(problem.q, problem.k, problem.v) as tf.Tensor4D;
}

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

/** Takes in a tile of scores `s [B, H, t, s]` and its values `v [B, H, s, E]`: the one step of online softmax. */
function absorb({ m, l, o }: Running, s: tf.Tensor4D, v: tf.Tensor4D): Running {
  const next = tf.maximum(m, tf.max(s, 3, true)) as tf.Tensor4D; // [B, H, t, 1]
  const keep = tf.exp(tf.sub(m, next));
  const p = tf.exp(tf.sub(s, next)) as tf.Tensor4D; // [B, H, t, s]
  return {
    m: next,
    l: tf.add(tf.mul(keep, l), tf.sum(p, 3, true)),
    o: tf.add(tf.mul(keep, o), tf.matMul(p, v)),
  };
}

function forward(problem: Problem): FlashAttentionResult {
  const { q, k, v, B, H, T, S, E, scale, queryBlock, keyBlock } = problem;
  const parts = blocks(T, queryBlock).map((queries) =>
    tf.tidy(() => {
      const Q: tf.Tensor4D = tf.mul(rows(q, queries), scale); // [B, H, t, D]
      const column = (value: number) => tf.fill([B, H, Q.shape[2], 1], value) as tf.Tensor4D;
      let running: Running = { m: column(MASK_VALUE), l: column(0), o: tf.zeros([B, H, Q.shape[2], E]) };
      for (const keys of blocks(S, keyBlock)) {
        if (isHidden(problem, queries, keys)) break;
        const next = tf.tidy(() => absorb(running, tileScores(problem, Q, k, queries, keys), rows(v, keys)));
        tf.dispose(running);
        running = next;
      }
      const { m, l, o } = running;
      // Still the mask's value: this row saw nothing, and what it added up is what masked keys hold.
      const blind = tf.lessEqual(m, MASK_VALUE);
      const out: tf.Tensor4D = tf.where(blind, tf.zerosLike(o), tf.div(o, tf.maximum(l, 1e-30)));
      return { out, lse: tf.where(blind, m, tf.add(m, tf.log(l))) as tf.Tensor4D };
    }),
  );
  const joined = (name: "out" | "lse") => {
    const whole = tf.concat(
      parts.map((part) => part[name]),
      2,
    );
    for (const part of parts) part[name].dispose();
    return whole;
  };
  return { out: joined("out"), lse: joined("lse") };
}

interface Gradients extends FlashAttentionResult {
  /** Gradient of the loss by the result, `[B, H, T, E]`. */
  readonly dOut: tf.Tensor4D;
}

/** `[dQ, dK, dV]`: each tile of P is computed anew from q, k and L, used three times, and dropped. */
function backward(problem: Problem & Gradients): [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D] {
  const { q, k, v, out, lse, dOut, T, S, scale, queryBlock, keyBlock } = problem;
  return tf.tidy(() => {
    const delta: tf.Tensor4D = tf.sum(tf.mul(dOut, out), 3, true); // [B, H, T, 1], rowsum(P ∘ dP) without P
    const seen = tf.where(tf.lessEqual(lse, MASK_VALUE), tf.zerosLike(lse), lse) as tf.Tensor4D;
    const dQ = blocks(T, queryBlock).map((queries) => tf.zerosLike(rows(q, queries)));
    const [dK, dV]: [tf.Tensor4D[], tf.Tensor4D[]] = [[], []];
    for (const keys of blocks(S, keyBlock)) {
      const [K, V] = [rows(k, keys), rows(v, keys)];
      let sums: [tf.Tensor4D, tf.Tensor4D] = [tf.zerosLike(K), tf.zerosLike(V)];
      for (const [i, queries] of blocks(T, queryBlock).entries()) {
        if (isHidden(problem, queries, keys)) continue;
        const [dq, ...added] = tf.tidy(() => {
          const Q: tf.Tensor4D = tf.mul(rows(q, queries), scale);
          const dO = rows(dOut, queries);
          const P = tf.exp(
            tf.sub(tileScores(problem, Q, k, queries, keys), rows(seen, queries)),
          ) as tf.Tensor4D;
          const dP = tf.matMul(dO, V, false, true); // [B, H, t, s]
          const dS = tf.mul(P, tf.sub(dP, rows(delta, queries))) as tf.Tensor4D;
          return [
            tf.add(dQ[i]!, tf.mul(tf.matMul(dS, K), scale)) as tf.Tensor4D,
            tf.add(sums[0], tf.matMul(dS, Q, true, false)) as tf.Tensor4D,
            tf.add(sums[1], tf.matMul(P, dO, true, false)) as tf.Tensor4D,
          ];
        });
        tf.dispose([dQ[i]!, ...sums]);
        dQ[i] = dq!;
        sums = added as [tf.Tensor4D, tf.Tensor4D];
      }
      tf.dispose([K, V]);
      dK.push(sums[0]);
      dV.push(sums[1]);
    }
    return [tf.concat(dQ, 2), tf.concat(dK, 2), tf.concat(dV, 2)];
  });
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
