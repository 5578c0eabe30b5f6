/** Numbers that stand under each other: all with the same digits after the point, as few as tell them apart. */

/** Beyond these a common number of digits would show zeros or nothing but zeros. */
const [smallest, largest] = [1e-3, 1e5];

/**
 * How to write each of these numbers, with `digits` significant digits for the largest of them. A zero that is exact
 * has no point, so that a masked weight differs from a small one.
 */
export function numberFormat(numbers: readonly number[], digits: number): (x: number) => string {
  const alone = (x: number) => short(x, digits);
  const finite = numbers.filter((x) => Number.isFinite(x) && x !== 0).map(Math.abs);
  const max = finite.reduce((a, b) => Math.max(a, b), 0);
  if (max < smallest || max >= largest) return alone;
  const most = Math.max(2, digits - 1 - Math.floor(Math.log10(max)));
  const needed = finite.map((x) => (String(Number(x.toFixed(most))).split(".")[1] ?? "").length);
  const decimals = needed.reduce((a, b) => Math.max(a, b), 0);
  return (x) => (Number.isFinite(x) && x !== 0 ? x.toFixed(decimals) : alone(x));
}

/** A number that stands alone. */
export function short(x: number, digits: number): string {
  return Number.isInteger(x) && Math.abs(x) < 1e7 ? String(x) : String(Number(x.toPrecision(digits)));
}
