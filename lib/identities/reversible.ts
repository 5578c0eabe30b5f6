/** What must hold in reversible residual layers (lib/variants/reversible.ts states the equations). */

import * as tf from "@tensorflow/tfjs";
import { assertClose, type Tolerance } from "../assert-close.js";
import type { Form, Identity } from "./identity.js";

const rebuilt: Tolerance = {
  tolerance: 1e-5,
  because: "float32 sums taken apart again, layer by layer, at most six times",
};

/**
 * From the outputs of reversible layers to their inputs: `y1`, `y2 [T, C]`, and for each layer the matrices `a`, `b [C, C]`
 * of F(x) = tanh(x A) and G(x) = tanh(x B) → `[T, 2C]`, x₁ and x₂ side by side.
 */
export type Rebuild = Form<[y1: tf.Tensor2D, y2: tf.Tensor2D, a: tf.Tensor2D[], b: tf.Tensor2D[]]>;

export const rebuildIdentities: readonly Identity<Rebuild>[] = [
  {
    sentence: "one layer: the inputs come back from the outputs",
    hint: "y₂ = x₂ + G(y₁), and y₁ is known: so x₂ = y₂ − G(y₁). Then x₁ = y₁ − F(x₂).",
    check: (form, random) => comesBack(form, random.integer, random.normalTensor, 1),
  },
  {
    sentence: "several layers: the inputs of the first come back from the outputs of the last",
    hint: "The last layer was applied last: it is undone first.",
    check: (form, random) => comesBack(form, random.integer, random.normalTensor, 2 + random.integer(4)),
  },
];

async function comesBack(
  form: Rebuild,
  integer: (n: number) => number,
  normal: (shape: [number, number], scale?: number) => tf.Tensor,
  depth: number,
): Promise<void> {
  const [T, C] = [3 + integer(4), 2 + integer(4)];
  const matrices = () => Array.from({ length: depth }, () => normal([C, C]) as tf.Tensor2D);
  const [x1, x2, a, b] = [
    normal([T, C]) as tf.Tensor2D,
    normal([T, C]) as tf.Tensor2D,
    matrices(),
    matrices(),
  ];
  let [y1, y2] = [x1, x2];
  for (let n = 0; n < depth; n++) {
    y1 = tf.add(y1, tf.tanh(tf.matMul(y2, a[n]!)));
    y2 = tf.add(y2, tf.tanh(tf.matMul(y1, b[n]!)));
  }
  assertClose(await form(y1, y2, a, b), tf.concat([x1, x2], 1), rebuilt, `inputs of ${depth} layers`);
}
