/**
 * The parts of a small network that surround a token mixer, as pure functions of tensors.
 *
 *   normalise(x) = (x − μ) / √(σ² + ε)              Ba, Kiros & Hinton, 2016, arXiv:1607.06450, eq. 3
 *   crossEntropy = Σ m (ln Σⱼ exp zⱼ − z_target) / Σ m, in nats
 *
 * Identities (test/learn/layers.test.ts): each equals a float64 loop, and each gradient its finite differences.
 * Deviates from the papers: the norm has no gain and bias of its own, as the linear maps behind it can learn both
 * (Xu et al., 2019, arXiv:1911.07013, "LayerNorm-simple").
 * The gradients are written out because those that tfjs composes run two to four times as many kernels, and at
 * the sizes of a lesson launching a kernel costs as much as its arithmetic.
 */

import * as tf from "@tensorflow/tfjs";
import { dims, ensure } from "../shapes.js";

/** Shifts and scales the last axis of `x [B, T, C]` to mean 0 and variance 1: `[B, T, C]`. */
export function normalise({ x, epsilon = 1e-5 }: { x: tf.Tensor3D; epsilon?: number }): tf.Tensor3D {
  dims("normalise", { x: [x, "B T C"] });
  // y = (x − μ) / s; dL/dx = (g − mean(g) − y mean(g y)) / s, where g = dL/dy.
  return withGradient(x, (x, save) => {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon)); // [B, T, 1]
    const value = tf.mul(centred, inverse) as tf.Tensor3D;
    save([value, inverse]);
    const gradFunc = (g: tf.Tensor, saved: tf.Tensor[]) => {
      const [y, inverse] = saved as [tf.Tensor, tf.Tensor];
      const along = tf.mul(y, tf.mean(tf.mul(g, y), -1, true));
      return tf.mul(tf.sub(tf.sub(g, tf.mean(g, -1, true)), along), inverse);
    };
    return { value, gradFunc };
  });
}

/** Rows of `table [V, C]` at `tokens [B, T]` (int32): `[B, T, C]`. */
export function embed({ table, tokens }: { table: tf.Tensor2D; tokens: tf.Tensor2D }): tf.Tensor3D {
  const { V, C } = dims("embed", { table: [table, "V C"], tokens: [tokens, "B T"] });
  ensure(tokens.dtype === "int32", `embed: expected int32 tokens, got dtype ${tokens.dtype}`);
  return withGradient(table, (table, save) => {
    save([tokens]);
    const gradFunc = (g: tf.Tensor, [tokens]: tf.Tensor[]) =>
      tf.unsortedSegmentSum(tf.reshape(g, [-1, C!]), tf.reshape(tokens!, [-1]) as tf.Tensor1D, V!);
    return { value: tf.gather(table, tokens) as tf.Tensor as tf.Tensor3D, gradFunc };
  });
}

export interface CrossEntropyOptions {
  /** `[B, T, V]` */
  readonly logits: tf.Tensor3D;
  /** `[B, T]`, int32. */
  readonly targets: tf.Tensor2D;
  /** `[B, T]` float32, 1 where the target counts and 0 where not; everywhere unless given. */
  readonly mask?: tf.Tensor2D;
}

/** Mean cross-entropy in nats over the positions that count. */
export function crossEntropy({ logits, targets, mask }: CrossEntropyOptions): tf.Scalar {
  const { V } = dims("crossEntropy", { logits: [logits, "B T V"], targets: [targets, "B T"] });
  if (mask !== undefined) dims("crossEntropy", { targets: [targets, "B T"], mask: [mask, "B T"] });
  ensure(targets.dtype === "int32", `crossEntropy: expected int32 targets, got dtype ${targets.dtype}`);
  return withGradient(logits, (z, save) => {
    const wanted = tf.oneHot(targets, V!); // [B, T, V]
    const weights =
      mask === undefined
        ? tf.scalar(1 / targets.size)
        : (tf.expandDims(tf.div(mask, tf.sum(mask)), -1) as tf.Tensor);
    const shifted = tf.sub(z, tf.max(z, -1, true));
    const exponentials = tf.exp(shifted);
    const sums = tf.sum(exponentials, -1, true); // [B, T, 1]
    const nats = tf.sub(tf.log(sums), tf.sum(tf.mul(shifted, wanted), -1, true)); // [B, T, 1]
    save([tf.mul(tf.sub(tf.div(exponentials, sums), wanted), weights)]);
    const value: tf.Scalar = tf.sum(tf.mul(nats, weights));
    return { value, gradFunc: (g, [slope]) => tf.mul(g, slope!) };
  });
}

/** `tf.customGrad` for one input, with types that hold. */
function withGradient<X extends tf.Tensor, Y extends tf.Tensor>(
  x: X,
  forward: (
    x: X,
    save: tf.GradSaveFunc,
  ) => { value: Y; gradFunc: (g: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor },
): Y {
  return tf.tidy(() =>
    tf.customGrad<Y>((...args) => forward(args[0] as X, args[1] as tf.GradSaveFunc))(x),
  ) as Y;
}
