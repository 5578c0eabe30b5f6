/** Student's t distribution for whole degrees of freedom: Abramowitz and Stegun, 26.7.3 and 26.7.4. */

import { ensure } from "../shapes.js";

/** P(−t ≤ X ≤ t) for X with `df` degrees of freedom: a finite sum in θ = arctan(t / √df). */
export function studentCentral(t: number, df: number): number {
  const theta = Math.atan(t / Math.sqrt(df));
  const cos2 = Math.cos(theta) ** 2;
  const odd = df % 2 === 1;
  // 1 + 1/2 cos² + (1·3)/(2·4) cos⁴ + …, or cos θ (1 + 2/3 cos² + …) for odd df
  let [term, sum] = [1, df === 1 ? 0 : 1];
  for (let k = odd ? 3 : 2; k < df; k += 2) {
    term *= ((k - 1) / k) * cos2;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (theta + Math.sin(theta) * Math.cos(theta) * sum) : Math.sin(theta) * sum;
}

/**
 * The t with P(−t ≤ X ≤ t) = `confidence`; infinite for no degrees of freedom, where nothing bounds the error.
 *
 * @throws RangeError unless df is a whole number ≥ 0 and the confidence lies strictly between 0 and 1.
 */
export function studentQuantile(confidence: number, df: number): number {
  ensure(Number.isInteger(df) && df >= 0, `studentQuantile: expected whole degrees of freedom, got ${df}`);
  ensure(
    confidence > 0 && confidence < 1,
    `studentQuantile: expected a confidence in (0, 1), got ${confidence}`,
  );
  if (df === 0) return Number.POSITIVE_INFINITY;
  let [low, high] = [0, 1];
  while (studentCentral(high, df) < confidence) high *= 2;
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    if (studentCentral(middle, df) < confidence) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
