/** Arithmetic with points: decimals that add up as they do on paper, so that 0.1 and 0.2 make 0.3. */

/** Points are whole thousandths, which float64 adds without error. */
const UNITS = 1000;

/** Whether a number is one of points: finite, with at most three decimals. */
export function isDecimal(points: number): boolean {
  return Number.isSafeInteger(Math.round(points * UNITS)) && Math.round(points * UNITS) / UNITS === points;
}

/** The exact sum of points; nothing is rounded. */
export function sumPoints(points: readonly number[]): number {
  return points.reduce((sum, value) => sum + Math.round(value * UNITS), 0) / UNITS;
}
