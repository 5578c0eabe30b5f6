/**
 * A machine with a large, slow memory and a small, fast one: it computes in float64, only with what it has fetched, and
 * counts what it fetches and writes back. Stands for a GPU's HBM and SRAM (Dao et al., 2022, arXiv:2205.14135, section 2.1).
 *
 * The few numbers that one step of arithmetic needs besides lie in registers, and are free.
 */

import { ensure } from "../shapes.js";

/** A matrix in the slow memory, row by row. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

export function zeros(rows: number, columns: number): Matrix {
  return { rows, columns, data: new Float64Array(rows * columns) };
}

/** Numbers that crossed between the memories. */
export interface Accesses {
  readonly reads: number;
  readonly writes: number;
}

/** A fast memory for `size` numbers. What it holds are matrices of their own. */
export function fastMemory(size: number) {
  let [used, reads, writes] = [0, 0, 0];
  const room = (rows: number, columns: number): Matrix => {
    used += rows * columns;
    ensure(used <= size, `fastMemory: expected at most ${size} numbers at once, got ${used}`);
    return zeros(rows, columns);
  };
  return {
    /** Space for a matrix that is computed here. */
    room,
    /** Fetches the part of a matrix that starts at (row, column). */
    load(from: Matrix, { row = 0, column = 0, rows = from.rows, columns = from.columns }): Matrix {
      const part = room(rows, columns);
      for (let i = 0; i < rows; i++) {
        const start = (row + i) * from.columns + column;
        part.data.set(from.data.subarray(start, start + columns), i * columns);
      }
      reads += part.data.length;
      return part;
    },
    /** Writes a part back, at (row, column) of a matrix. It stays here as well. */
    store(part: Matrix, to: Matrix, { row = 0, column = 0 }): void {
      for (let i = 0; i < part.rows; i++) {
        const values = part.data.subarray(i * part.columns, (i + 1) * part.columns);
        to.data.set(values, (row + i) * to.columns + column);
      }
      writes += part.data.length;
    },
    drop(...parts: readonly Matrix[]): void {
      for (const { data } of parts) used -= data.length;
    },
    accesses: (): Accesses => ({ reads, writes }),
  };
}

/** out += scale · a b, or scale · a bᵀ where `transposed`; all three lie in the fast memory. */
export function addProduct(
  out: Matrix,
  a: Matrix,
  b: Matrix,
  { transposed = false, scale = 1 }: { transposed?: boolean; scale?: number } = {},
): void {
  const [row, column] = transposed ? [1, b.columns] : [b.columns, 1];
  for (let i = 0; i < out.rows; i++) {
    for (let j = 0; j < out.columns; j++) {
      let dot = 0;
      for (let x = 0; x < a.columns; x++) dot += a.data[i * a.columns + x]! * b.data[x * row + j * column]!;
      out.data[i * out.columns + j]! += scale * dot;
    }
  }
}
