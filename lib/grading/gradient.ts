/** Gradients by finite differences: what a hand-derived gradient is judged by. */

import * as tf from "@tensorflow/tfjs";

/**
 * ∂f/∂x by the five-point central difference, a tensor of x's shape; f is called 4 · size times, one at a time.
 *
 *   f'(x) ≈ (8 (f(x + h) − f(x − h)) − (f(x + 2h) − f(x − 2h))) / 12h,   error O(h⁴) + O(ε / h)
 *
 * With float32 inside f (ε = 6e-8) and values near one, h = 0.02 leaves errors near 1e-5: compare with a
 * tolerance of 1e-3 and say so.
 *
 * @param f a scalar function of the tensor; may be asynchronous, so a learner's function serves too.
 */
export async function finiteDifferences<R extends tf.Rank>(
  f: (x: tf.Tensor<R>) => number | Promise<number>,
  x: tf.Tensor<R>,
  { step = 0.02 }: { readonly step?: number } = {},
): Promise<tf.Tensor<R>> {
  const values = await x.data<"float32">();
  const gradient = new Float32Array(values.length);
  const at = async (i: number, shift: number) => {
    const moved = Float32Array.from(values);
    moved[i]! += shift;
    const input = tf.tensor(moved, x.shape) as tf.Tensor<R>;
    const value = await f(input);
    input.dispose();
    return value;
  };
  for (let i = 0; i < values.length; i++) {
    const near = (await at(i, step)) - (await at(i, -step));
    const far = (await at(i, 2 * step)) - (await at(i, -2 * step));
    gradient[i] = (8 * near - far) / (12 * step);
  }
  return tf.tensor(gradient, x.shape) as tf.Tensor<R>;
}
