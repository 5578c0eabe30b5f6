/**
 * States of the recurrence h_t = a_t ⊙ h_(t−1) + u_t, all of them, in 2 log₂ T rounds instead of T steps.
 *
 * Two neighbouring steps are one step of the same kind:
 *
 *   (a₁, u₁) then (a₂, u₂)  =  (a₂ a₁, a₂ u₁ + u₂)
 *
 * This way of joining is associative, so steps may be joined in pairs, pairs in fours, and so on (Blelloch, 1990, "Prefix sums and
 * their applications"). Identities (test/scan.test.ts): equals the loop; its gradient, written out below, equals finite differences.
 * Cost: about 5 operations a number, whatever T, and memory that grows like T. Nothing is divided and no logarithm is
 * taken, so gates that are 0 or underflow are harmless.
 */

import * as tf from "@tensorflow/tfjs";
import { dims } from "./shapes.js";

export interface ScanOptions {
  /** a `[A, T, F]`, what is left of the state: numbers from 0 to 1 keep every state finite. */
  readonly decay: tf.Tensor3D;
  /** u `[A, T, F]`, what comes in. */
  readonly input: tf.Tensor3D;
}

/** The states h₁ … h_T, `[A, T, F]`, from h₀ = 0. */
export function associativeScan({ decay, input }: ScanOptions): tf.Tensor3D {
  dims("associativeScan", { decay: [decay, "A T F"], input: [input, "A T F"] });
  // With r_t = dL/dh_t + a_(t+1) r_(t+1), a scan that runs backwards: dL/du_t = r_t and dL/da_t = r_t h_(t−1).
  const scan = tf.customGrad((...args) => {
    const [a, u, save] = args as unknown as [tf.Tensor3D, tf.Tensor3D, tf.GradSaveFunc];
    const value = states(a, u);
    save([a, value]);
    const gradFunc = (g: tf.Tensor, saved: tf.Tensor[]) => {
      const [a, h] = saved as [tf.Tensor3D, tf.Tensor3D];
      const r = tf.reverse(states(tf.reverse(later(a), 1), tf.reverse(g as tf.Tensor3D, 1)), 1);
      return [tf.mul(r, earlier(h)), r];
    };
    return { value, gradFunc };
  });
  return tf.tidy(() => scan(decay, input)) as tf.Tensor3D;
}

function states(a: tf.Tensor3D, u: tf.Tensor3D): tf.Tensor3D {
  const [A, T, F] = u.shape;
  if (T === 1) return tf.clone(u);
  return tf.tidy(() => {
    // An odd length gets one more step, behind the end, where it is cut off again.
    const H = Math.ceil(T / 2);
    const halves = (x: tf.Tensor3D) => {
      const whole = T % 2 === 0 ? x : tf.concat([x, tf.zeros<tf.Rank.R3>([A, 1, F])], 1);
      return tf.split(tf.reshape(whole, [A, H, 2, F]), 2, 2).map((half) => tf.reshape(half, [A, H, F])) as [
        tf.Tensor3D,
        tf.Tensor3D,
      ];
    };
    const [[a1, a2], [u1, u2]] = [halves(a), halves(u)];
    const second = states(tf.mul(a2, a1), tf.add(tf.mul(a2, u1), u2)); // after every pair
    const first: tf.Tensor3D = tf.add(tf.mul(a1, earlier(second)), u1); // in the middle of every pair
    const both: tf.Tensor3D = tf.reshape(tf.stack([first, second], 2), [A, 2 * H, F]);
    return T % 2 === 0 ? both : tf.slice(both, [0, 0, 0], [A, T, F]);
  });
}

/** Row t − 1 in row t's place, zeros first: an inclusive scan becomes an exclusive one. */
export function earlier(x: tf.Tensor3D): tf.Tensor3D {
  const [A, T, F] = x.shape;
  return tf.tidy(() => tf.concat([tf.zeros<tf.Rank.R3>([A, 1, F]), tf.slice(x, 0, [A, T - 1, F])], 1));
}

/** Row t + 1 in row t's place, zeros last. */
function later(x: tf.Tensor3D): tf.Tensor3D {
  const [A, T, F] = x.shape;
  return tf.concat([tf.slice(x, [0, 1, 0], [A, T - 1, F]), tf.zeros<tf.Rank.R3>([A, 1, F])], 1);
}
