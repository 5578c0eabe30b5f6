/**
 * What counting can do: the cross-entropy of smoothed n-gram models, the baselines that a language model must beat.
 *
 *   P(c | h) = (N(hc) + D(h) P(c | h′)) / (N(h) + D(h))
 *
 * N counts occurrences in the training tokens, D(h) is how many different tokens follow h, and h′ is h without its
 * oldest token; the empty history backs off to 1 / V. That is Witten and Bell's smoothing, interpolated (Witten & Bell,
 * 1991, "The zero-frequency problem", method C; Chen & Goodman, 1996, arXiv:cmp-lg/9606011).
 *
 * Identities (test/learn/ngram.test.ts): probabilities sum to one after every history; the figures equal a direct
 * count by hand.
 */

import { ensure } from "../shapes.js";

export interface NgramOptions {
  readonly train: Int32Array;
  /** Tokens 0 to vocabulary − 1. */
  readonly vocabulary: number;
  /** n: 1 looks at nothing before a token, 2 (a bigram) at one token, and so on. */
  readonly order: number;
}

export interface NgramModel {
  /** P(token | history), of which the last n − 1 tokens count; a shorter history is fine. */
  probability(token: number, history: ArrayLike<number>): number;
  /** Mean −ln P over all tokens, nats per token; the first ones are predicted from the shorter history there is. */
  crossEntropy(tokens: Int32Array): number;
}

/** Counts the training tokens once for every length of history up to n − 1. */
export function ngramModel({ train, vocabulary: V, order }: NgramOptions): NgramModel {
  ensure(
    Number.isInteger(order) && order >= 1 && V ** order < Number.MAX_SAFE_INTEGER,
    `ngramModel: expected an order from 1 to ${Math.floor(Math.log(Number.MAX_SAFE_INTEGER) / Math.log(V))} for ${V} tokens, got ${order}`,
  );
  ensure(train.length > 0, "ngramModel: expected training tokens, got none");
  const tables = Array.from({ length: order }, (_, length) => countAfter(train, V, length));

  const probabilityAt = (tokens: ArrayLike<number>, position: number): number => {
    const token = tokens[position]!;
    let probability = 1 / V;
    // h grows at its old end; a token d places back has weight Vᵈ⁻¹.
    for (let length = 0, history = 0; length < order && length <= position; length++) {
      if (length > 0) history += tokens[position - length]! * V ** (length - 1);
      const { total, distinct, pairs } = tables[length]!;
      const seen = total.get(history);
      if (seen === undefined) break;
      const different = distinct.get(history)!;
      const count = pairs.get(history * V + token) ?? 0;
      probability = (count + different * probability) / (seen + different);
    }
    return probability;
  };

  return {
    probability: (token, history) => probabilityAt([...Array.from(history), token], history.length),
    crossEntropy(tokens) {
      ensure(tokens.length > 0, "crossEntropy: expected tokens, got none");
      let nats = 0;
      for (let position = 0; position < tokens.length; position++)
        nats -= Math.log(probabilityAt(tokens, position));
      return nats / tokens.length;
    },
  };
}

interface Counts {
  /** N(h), h as a number in base V. */
  readonly total: Map<number, number>;
  /** D(h) */
  readonly distinct: Map<number, number>;
  /** N(hc), keyed by h V + c. */
  readonly pairs: Map<number, number>;
}

function countAfter(tokens: Int32Array, V: number, length: number): Counts {
  const counts: Counts = { total: new Map(), distinct: new Map(), pairs: new Map() };
  const increment = (map: Map<number, number>, key: number) => map.set(key, (map.get(key) ?? 0) + 1);
  for (let position = length; position < tokens.length; position++) {
    let history = 0;
    for (let back = length; back >= 1; back--) history = history * V + tokens[position - back]!;
    const pair = history * V + tokens[position]!;
    increment(counts.total, history);
    if (!counts.pairs.has(pair)) increment(counts.distinct, history);
    increment(counts.pairs, pair);
  }
  return counts;
}
