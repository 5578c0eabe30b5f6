/** Slopes of a function of many numbers, in float64. */

/** Central differences: dL/dx for each of `values`. */
export function finiteDifferences(
  loss: (values: Float64Array) => number,
  values: ArrayLike<number>,
): Float64Array {
  const at = Float64Array.from(values);
  return at.map((value, i) => {
    const shifted = (h: number) => loss(at.with(i, value + h));
    return (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
  });
}
