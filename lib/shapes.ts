/** Entry checks: one place that words what a function expected and what it got. */

import type * as tf from "@tensorflow/tfjs";

/** `[2, 4, 128, 64]` */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/** Throws `RangeError` with `message` unless `condition` holds. */
export function ensure(condition: boolean, message: string): asserts condition {
  if (!condition) throw new RangeError(message);
}

/**
 * Checks tensors against named dimensions and returns the sizes.
 *
 * `dims("attention", { q: [q, "B H T D"], k: [k, "B H S D"] })` returns `{ B, H, T, D, S }`, and throws when a
 * rank differs or a letter would need two sizes: `attention: expected k of shape [B, H, S, D] with D = 64 (from
 * q), got [1, 2, 8, 32]`.
 */
export function dims(
  functionName: string,
  tensors: Readonly<Record<string, readonly [tensor: tf.Tensor, legend: string]>>,
): Record<string, number> {
  const sizes: Record<string, number> = {};
  const origin: Record<string, string> = {};
  for (const [name, [tensor, legend]] of Object.entries(tensors)) {
    const letters = legend.split(" ");
    const expected = `expected ${name} of shape [${letters.join(", ")}]`;
    const got = `got ${tensor?.shape === undefined ? String(tensor) : formatShape(tensor.shape)}`;
    ensure(tensor?.shape?.length === letters.length, `${functionName}: ${expected}, ${got}`);
    letters.forEach((letter, axis) => {
      const size = tensor.shape[axis]!;
      sizes[letter] ??= size;
      origin[letter] ??= name;
      ensure(
        sizes[letter] === size,
        `${functionName}: ${expected} with ${letter} = ${sizes[letter]} (from ${origin[letter]}), ${got}`,
      );
    });
  }
  return sizes;
}
