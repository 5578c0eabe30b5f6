/**
 * How many numbers attention moves between a large, slow memory and a small, fast one, counted while it computes.
 *
 * Dao et al., "FlashAttention", 2022, arXiv:2205.14135. With N positions, width d and M numbers in the fast memory:
 *
 *   standard attention   Θ(N d + N²)      accesses      (Theorem 2)
 *   FlashAttention       Θ(N² d² / M)     accesses, for d ≤ M ≤ N d
 *
 * Identities (test/variants/flash-attention-io.test.ts): all three give softmax attention; counts equal closed forms.
 * Deviates from the paper: block sizes are the largest that really fit, all buffers counted (Algorithm 1 takes ⌈M / 4d⌉, which fits up to a
 * factor); standard attention's products go tile by tile, so that what they fetch again is counted too.
 */

import { ensure } from "../shapes.js";
import { type Accesses, addProduct, fastMemory, type Matrix, zeros } from "./flash-attention-machine.js";

export interface MachineOptions {
  /** `[N, d]` each. */
  readonly q: Matrix;
  readonly k: Matrix;
  readonly v: Matrix;
  /** M, numbers that the fast memory holds. */
  readonly sram: number;
}

export interface MachineResult extends Accesses {
  /** `[N, d]`, in the slow memory. */
  readonly out: Matrix;
}

/** S = Q Kᵀ / √d, then P = softmax(S) row by row, then O = P V: each waits in the slow memory for the next. */
export function standardOnMachine({ q, k, v, sram }: MachineOptions): MachineResult {
  const [N, d] = [q.rows, q.columns];
  ensure(sram >= N, `standardOnMachine: expected sram that holds a row of N = ${N} scores, got ${sram}`);
  const memory = fastMemory(sram);
  const [S, P, out] = [zeros(N, N), zeros(N, N), zeros(N, d)];
  const tile = largest(N, (b) => 2 * b * d + b * b <= sram, "standardOnMachine", sram);
  for (const i of steps(N, tile)) {
    const Q = memory.load(q, i);
    for (const j of steps(N, tile)) {
      const K = memory.load(k, j);
      const scores = memory.room(i.rows, j.rows);
      addProduct(scores, Q, K, { transposed: true, scale: d ** -0.5 });
      memory.store(scores, S, { row: i.row, column: j.row });
      memory.drop(K, scores);
    }
    memory.drop(Q);
  }
  for (let row = 0; row < N; row++) {
    const weights = memory.load(S, { row, rows: 1 });
    const m = weights.data.reduce((a, b) => Math.max(a, b));
    const sum = weights.data.reduce((total, s) => total + Math.exp(s - m), 0);
    weights.data.forEach((s, j, data) => {
      data[j] = Math.exp(s - m) / sum;
    });
    memory.store(weights, P, { row });
    memory.drop(weights);
  }
  for (const i of steps(N, tile)) {
    const O = memory.room(i.rows, d);
    for (const j of steps(N, tile)) {
      const weights = memory.load(P, { row: i.row, rows: i.rows, column: j.row, columns: j.rows });
      const V = memory.load(v, j);
      addProduct(O, weights, V);
      memory.drop(weights, V);
    }
    memory.store(O, out, i);
    memory.drop(O);
  }
  return { out, ...memory.accesses() };
}

/** Rows of keys and of queries in a tile: as in Algorithm 1 at most d queries, but as many as fit. */
export function blockSizes(sram: number, d: number): { keys: number; queries: number } {
  const queries = (keys: number) => Math.min(keys, d);
  const fits = (keys: number) => tileNumbers(keys, queries(keys), d) <= sram;
  const keys = largest(sram, fits, "blockSizes", sram);
  return { keys, queries: queries(keys) };
}

/** K, V, Q and O, a tile of scores, m and l. */
function tileNumbers(keys: number, queries: number, d: number): number {
  return 2 * keys * d + 2 * queries * d + queries * keys + 2 * queries;
}

/** Algorithm 1: blocks of keys outside, of queries inside; O, m and l come and go with each tile. */
export function flashOnMachine({ q, k, v, sram }: MachineOptions): MachineResult {
  const [N, d] = [q.rows, q.columns];
  const memory = fastMemory(sram);
  const sizes = blockSizes(sram, d);
  const [out, m, l] = [zeros(N, d), zeros(N, 1), zeros(N, 1)];
  m.data.fill(Number.NEGATIVE_INFINITY);
  for (const j of steps(N, sizes.keys)) {
    const [K, V] = [memory.load(k, j), memory.load(v, j)];
    for (const i of steps(N, sizes.queries)) {
      const Q = memory.load(q, i);
      const state = { o: memory.load(out, i), m: memory.load(m, i), l: memory.load(l, i) };
      const scores = memory.room(i.rows, j.rows);
      addProduct(scores, Q, K, { transposed: true, scale: d ** -0.5 });
      absorb(state, scores, V);
      memory.store(state.o, out, i);
      memory.store(state.m, m, i);
      memory.store(state.l, l, i);
      memory.drop(Q, state.o, state.m, state.l, scores);
    }
    memory.drop(K, V);
  }
  return { out, ...memory.accesses() };
}

/** FlashAttention-2's order (arXiv:2307.08691): queries outside, so that O, m and l stay; K and V come again and again. */
export function flashByQueriesOnMachine({ q, k, v, sram }: MachineOptions): MachineResult {
  const [N, d] = [q.rows, q.columns];
  const memory = fastMemory(sram);
  const block = largest(N, (b) => tileNumbers(b, b, d) <= sram, "flashByQueriesOnMachine", sram);
  const out = zeros(N, d);
  for (const i of steps(N, block)) {
    const Q = memory.load(q, i);
    const state = { o: memory.room(i.rows, d), m: memory.room(i.rows, 1), l: memory.room(i.rows, 1) };
    state.m.data.fill(Number.NEGATIVE_INFINITY);
    for (const j of steps(N, block)) {
      const [K, V] = [memory.load(k, j), memory.load(v, j)];
      const scores = memory.room(i.rows, j.rows);
      addProduct(scores, Q, K, { transposed: true, scale: d ** -0.5 });
      absorb(state, scores, V);
      memory.drop(K, V, scores);
    }
    memory.store(state.o, out, i);
    memory.drop(Q, state.o, state.m, state.l);
  }
  return { out, ...memory.accesses() };
}

/** One tile into the running maximum, sum and result of its rows; `o` stays divided by `l`, as in Algorithm 1. */
function absorb({ o, m, l }: Readonly<Record<"o" | "m" | "l", Matrix>>, scores: Matrix, V: Matrix): void {
  for (let i = 0; i < scores.rows; i++) {
    const s = scores.data.subarray(i * scores.columns, (i + 1) * scores.columns);
    const next = s.reduce((a, b) => Math.max(a, b), m.data[i]!);
    const keep = Math.exp(m.data[i]! - next) * l.data[i]!;
    s.forEach((score, j) => {
      s[j] = Math.exp(score - next);
    });
    m.data[i] = next;
    l.data[i] = s.reduce((a, b) => a + b, keep);
    for (let e = 0; e < o.columns; e++) {
      const at = i * o.columns + e;
      const sum = s.reduce((total, p, j) => total + p * V.data[j * V.columns + e]!, keep * o.data[at]!);
      o.data[at] = sum / l.data[i]!;
    }
  }
}

/** Where blocks of `size` rows start, and how many rows each has; the last one may have fewer. */
function steps(N: number, size: number): { row: number; rows: number }[] {
  return Array.from({ length: Math.ceil(N / size) }, (_, i) => ({
    row: i * size,
    rows: Math.min(size, N - i * size),
  }));
}

/** The largest whole number from 1 to `most` for which everything fits. @throws RangeError where not even 1 does. */
function largest(most: number, fits: (size: number) => boolean, name: string, sram: number): number {
  ensure(fits(1), `${name}: expected sram that holds a tile of one query and one key, got ${sram}`);
  let [low, high] = [1, most];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
