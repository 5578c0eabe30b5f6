/** Where a kernel is wrong: its errors as a heatmap. */

import { scaledError } from "../assert-close.js";
import type { VegaLiteFigure } from "../plot/figure.js";
import { heatmap } from "../plot/heatmap.js";

/** Cells along each axis; of larger outputs each cell is the largest error of a block. */
const MOST = 128;
/** Numbers in a row, for an output of one axis. */
const WRAP = 64;

/** |actual − expected| / max(1, |expected|), the last axis across and all others down. Where it is not finite, the largest that is. */
export function errorPicture(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  shape: readonly number[],
): VegaLiteFigure {
  const across = shape.length > 1 ? shape.at(-1)! : Math.min(WRAP, actual.length);
  const down = Math.ceil(actual.length / across);
  const [tall, wide] = [Math.ceil(down / MOST), Math.ceil(across / MOST)];
  const [rows, columns] = [Math.ceil(down / tall), Math.ceil(across / wide)];
  const data = new Float64Array(rows * columns);
  for (let i = 0; i < actual.length; i++) {
    const [row, column] = [Math.floor(i / across), i % across];
    const cell = Math.floor(row / tall) * columns + Math.floor(column / wide);
    data[cell] = Math.max(data[cell]!, scaledError(actual[i]!, expected[i]!));
  }
  const finite = data.filter(Number.isFinite);
  const most = finite.reduce((a, b) => Math.max(a, b), 0) || 1;
  const isWrong = finite.length < data.length;
  const block = tall * wide > 1 ? `, largest of ${tall} × ${wide}` : "";
  return heatmap({
    title: `Error of the kernel${isWrong ? " (NaN and infinities: as the largest)" : ""}`,
    values: { data: data.map((error) => (Number.isFinite(error) ? error : most)), shape: [rows, columns] },
    rowTitle: rowTitle(shape) + (tall > 1 ? ` / ${tall}` : ""),
    columnTitle: (shape.length > 1 ? "last axis" : `index mod ${across}`) + (wide > 1 ? ` / ${wide}` : ""),
    valueTitle: `|error| / max(1, |reference|)${block}`,
  });
}

function rowTitle({ length }: readonly number[]): string {
  if (length < 2) return `index / ${WRAP}`;
  return length === 2 ? "first axis" : `first ${length - 1} axes, flat`;
}
