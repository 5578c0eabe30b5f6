/**
 * Who computes which keys: ways to cut the caches of a batch into pieces, and to give the pieces to workers.
 *
 * A tile is one key head of one batch element: its queries need all its keys. Both ways cut tiles along the keys.
 *
 *   fixed split (FlashDecoding):  every tile into the same number of equal pieces, each a job of its own
 *   stream-K (LeanAttention):     all tiles behind one another as one line of keys, cut into one equal stretch for each worker
 *
 * A stretch may end in the middle of a tile, or hold several: the merge in lean-attention.ts does not mind.
 */

import { ensure } from "../shapes.js";

/** Keys `from` ≤ s < `to` of key head `g` of batch element `b`. */
export interface Piece {
  readonly b: number;
  readonly g: number;
  readonly from: number;
  readonly to: number;
}

/** For each worker, the pieces that it computes, in order. */
export type Splits = readonly (readonly Piece[])[];

export interface SplitOptions {
  /** Keys that each batch element has. */
  readonly lengths: readonly number[];
  /** G, key heads. */
  readonly heads: number;
  /** Keys that stay together, cuts lie at multiples of it; 1 unless given. */
  readonly block?: number;
}

/** One equal stretch of the line of all blocks for each worker: their numbers of blocks differ by one at most. */
export function streamK({
  workers,
  block = 1,
  ...options
}: SplitOptions & { readonly workers: number }): Splits {
  positive("streamK", { workers, block, heads: options.heads });
  const tiles = tilesOf("streamK", options);
  const blocks = tiles.map(({ length }) => Math.ceil(length / block));
  const total = blocks.reduce((sum, count) => sum + count, 0);
  const cut = (worker: number) => Math.floor((worker * total) / workers);
  const splits: Piece[][] = [];
  let [tile, start] = [0, 0]; // `start`: the tile's place in the line
  for (let worker = 0; worker < workers; worker++) {
    const pieces: Piece[] = [];
    for (let at = cut(worker); at < cut(worker + 1); ) {
      while (at >= start + blocks[tile]!) start += blocks[tile++]!;
      const end = Math.min(cut(worker + 1), start + blocks[tile]!);
      const { b, g, length } = tiles[tile]!;
      pieces.push({ b, g, from: (at - start) * block, to: Math.min((end - start) * block, length) });
      at = end;
    }
    splits.push(pieces);
  }
  return splits;
}

/** Every tile into the same number of pieces, whatever its length, and a worker for each piece. */
export function fixedSplit({
  parts,
  block = 1,
  ...options
}: SplitOptions & { readonly parts: number }): Splits {
  positive("fixedSplit", { parts, block, heads: options.heads });
  return tilesOf("fixedSplit", options).flatMap(({ b, g, length }) => {
    const share = Math.ceil(Math.ceil(length / block) / parts) * block;
    return Array.from({ length: parts }, (_, part) => [
      { b, g, from: Math.min(part * share, length), to: Math.min((part + 1) * share, length) },
    ]);
  });
}

/**
 * Checks that every key of every tile is computed once.
 *
 * @throws RangeError that names the tile and the keys.
 */
export function checkSplits(name: string, splits: Splits, options: SplitOptions): void {
  const pieces = splits.flat().filter(({ from, to }) => from !== to);
  pieces.sort((a, b) => a.b - b.b || a.g - b.g || a.from - b.from);
  let next = 0;
  for (const { b, g, length } of tilesOf(name, options)) {
    let end = 0;
    for (; pieces[next]?.b === b && pieces[next]?.g === g; next++) {
      const { from, to } = pieces[next]!;
      ensure(
        from === end && to > from && to <= length,
        `${name}: expected pieces that cover the ${length} keys of batch element ${b}, key head ${g}, once each; got keys ${from} to ${to} after key ${end}`,
      );
      end = to;
    }
    ensure(
      end === length,
      `${name}: expected pieces that cover the ${length} keys of batch element ${b}, key head ${g}; got the first ${end}`,
    );
  }
  const stray = pieces[next];
  ensure(
    stray === undefined,
    `${name}: expected pieces of ${options.lengths.length} batch elements and ${options.heads} key heads, got one of element ${stray?.b}, head ${stray?.g}`,
  );
}

function tilesOf(name: string, { lengths, heads }: SplitOptions): { b: number; g: number; length: number }[] {
  return lengths.flatMap((length, b) => {
    ensure(
      Number.isInteger(length) && length >= 0,
      `${name}: expected whole lengths from 0 on, got ${length} for batch element ${b}`,
    );
    return Array.from({ length: heads }, (_, g) => ({ b, g, length }));
  });
}

function positive(name: string, values: Readonly<Record<string, number>>): void {
  for (const [key, value] of Object.entries(values)) {
    ensure(Number.isInteger(value) && value >= 1, `${name}: expected 1 or more ${key}, got ${value}`);
  }
}
