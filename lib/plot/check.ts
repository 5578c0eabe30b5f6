/** Entry checks of the plot helpers: an empty, ragged or undrawable input is named before anything is drawn. */

import { ensure, formatShape } from "../shapes.js";
import type { AxisOptions } from "./axis.js";

/** Rows of numbers, or flat numbers with their shape `[rows, columns]`, as `await tensor.data()` gives them. */
export type Matrix =
  | readonly (readonly number[])[]
  | { readonly data: ArrayLike<number>; readonly shape: readonly number[] };

export interface CheckedMatrix {
  readonly rows: number;
  readonly columns: number;
  /** Row after row, all finite. */
  readonly data: readonly number[];
}

export function nonEmpty(name: string, what: string, list: readonly unknown[]): void {
  ensure(list.length > 0, `${name}: expected at least one ${what}, got none`);
}

/** Throws unless the labels are all different: two curves of one label would be drawn as one. */
export function distinct(name: string, what: string, labels: readonly string[]): void {
  const twice = labels.find((label, i) => labels.indexOf(label) !== i);
  ensure(twice === undefined, `${name}: expected a different label for each ${what}, got "${twice}" twice`);
}

/** Throws unless `value` can stand on the axis: finite, and positive on a log axis. `where` names its place. */
export function drawable(name: string, axis: AxisOptions, value: number, where: string): void {
  const expected = axis.scale === "log" ? "a positive finite" : "a finite";
  const fine = Number.isFinite(value) && (axis.scale !== "log" || value > 0);
  ensure(fine, `${name}: expected ${expected} ${axis.label} for ${where}, got ${value}`);
}

export function checkMatrix(name: string, values: Matrix, what = "values"): CheckedMatrix {
  const matrix = "shape" in values ? fromFlat(name, values, what) : fromRows(name, values, what);
  const bad = matrix.data.findIndex((value) => !Number.isFinite(value));
  const [row, column] = [Math.floor(bad / matrix.columns), bad % matrix.columns];
  ensure(
    bad < 0,
    `${name}: expected finite ${what}, got ${matrix.data[bad]} in row ${row}, column ${column} (counted from 0)`,
  );
  return matrix;
}

function fromFlat(
  name: string,
  { data, shape }: { data: ArrayLike<number>; shape: readonly number[] },
  what: string,
): CheckedMatrix {
  const [rows = 0, columns = 0] = shape;
  ensure(
    shape.length === 2 && rows > 0 && columns > 0 && data.length === rows * columns,
    `${name}: expected ${what} of shape [rows, columns], got ${data.length} numbers of shape ${formatShape(shape)}`,
  );
  return { rows, columns, data: Array.from(data) };
}

function fromRows(name: string, values: readonly (readonly number[])[], what: string): CheckedMatrix {
  const [rows, columns] = [values.length, values[0]?.length ?? 0];
  ensure(columns > 0, `${name}: expected ${what} with at least one row and one column, got none`);
  const ragged = values.findIndex((row) => row.length !== columns);
  ensure(
    ragged < 0,
    `${name}: expected rows of equal length in ${what}, got ${columns} in row 0 and ${values[ragged]?.length} in row ${ragged}`,
  );
  return { rows, columns, data: values.flat() };
}
