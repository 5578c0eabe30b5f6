/**
 * Feature maps φ: what stands between a vector and a similarity φ(q)·φ(k) that can be summed over keys before a query
 * is known.
 *
 *   elu(x) + 1 = x + 1 for x > 0, eˣ otherwise                   Katharopoulos et al., 2020, arXiv:2006.16236, eq. 7
 *   Σₙ (q·k / √D)ⁿ / n! = exp(q·k / √D), its terms n ≤ N alone:   the Taylor series, as vec(x ⊗ … ⊗ x) / √n!
 *
 * Identities (test/feature-maps.test.ts): elu(x) + 1 keeps seven digits down to −80; Taylor features of degree N have
 * the partial sum as their dot product, so that linear attention over them tends to softmax attention.
 */

import * as tf from "@tensorflow/tfjs";
import { ensure } from "./shapes.js";

/** Maps the last axis of `[B, H, T, D]` to features, `[B, H, T, F]`. */
export type FeatureMap = (x: tf.Tensor4D) => tf.Tensor4D;

/**
 * elu(x) + 1, element by element: positive, F = D.
 *
 * Written so that nothing small is ever added to 1: in float32, elu(−18) is −1 and elu(−18) + 1 is 0.
 */
export function eluPlusOne<T extends tf.Tensor>(x: T): T {
  return tf.tidy(() => tf.add<T>(tf.relu(x), tf.exp(tf.minimum(x, 0))));
}

/**
 * All products of up to `degree` entries of x / D^(1/4), weighted so that φ(q)·φ(k) = Σₙ (q·k / √D)ⁿ / n! for n ≤ degree.
 * F = 1 + D + D² + … + D^degree. Sums of even degree are positive.
 *
 * @throws RangeError unless the degree is a whole number of 0 or more.
 */
export function taylorFeatures(degree: number): FeatureMap {
  ensure(
    Number.isInteger(degree) && degree >= 0,
    `taylorFeatures: expected a whole degree of 0 or more, got ${degree}`,
  );
  return (x) =>
    tf.tidy(() => {
      const [B, H, T, D] = x.shape;
      const scaled = tf.reshape(tf.mul(x, D ** -0.25), [B, H, T, 1, D]);
      const terms: tf.Tensor4D[] = [tf.ones([B, H, T, 1])];
      for (let n = 1; n <= degree; n++) {
        const power = tf.div(tf.mul(tf.expandDims(terms[n - 1]!, -1), scaled), Math.sqrt(n)); // [B, H, T, Dⁿ⁻¹, D]
        terms.push(tf.reshape(power, [B, H, T, D ** n]));
      }
      return tf.concat(terms, 3); // [B, H, T, F]
    });
}
