/**
 * The layer around Longformer's attention: two sets of projections, one for windows and one for global tokens.
 *
 * Beltagy, Peters & Cohan, 2020, arXiv:2004.05150, section 3.1 ("Linear Projections for Global Attention").
 *
 * Identity (test/variants/longformer.test.ts): with a window over everything it is multi-head attention.
 */

import * as tf from "@tensorflow/tfjs";
import { type MultiHeadWeights, mergeHeads, project, splitHeads } from "../attention.js";
import { dims } from "../shapes.js";
import { longformer } from "./longformer.js";
import { checkGlobals, type LongformerPattern } from "./longformer-pattern.js";

/** Projections of the window, and of the global tokens where they have their own: `[C, C]` each. */
export interface LongformerWeights extends MultiHeadWeights {
  readonly global?: Pick<MultiHeadWeights, "wq" | "wk" | "wv">;
}

/**
 * Multi-head Longformer attention of `x [B, T, C]`: `[B, T, C]`. Without `weights.global` the global tokens share the
 * window's projections, which the paper found to be worse.
 */
export function longformerLayer({
  x,
  weights,
  heads,
  globals = [],
  mask,
  attend = longformer,
  ...pattern
}: LongformerPattern & {
  readonly x: tf.Tensor3D;
  readonly weights: LongformerWeights;
  readonly heads: number;
  readonly globals?: readonly number[];
  readonly mask?: tf.Tensor2D;
  /** Either form. */
  readonly attend?: typeof longformer;
}): tf.Tensor3D {
  return tf.tidy(() => {
    const { T } = dims("longformerLayer", { x: [x, "B T C"] });
    checkGlobals("longformerLayer", globals, T!);
    const part = (source: tf.Tensor3D, w: tf.Tensor2D) => splitHeads(project(source, w), heads);
    const [q, k, v] = [part(x, weights.wq), part(x, weights.wk), part(x, weights.wv)];
    const own = weights.global ?? weights;
    const global = globals.length > 0 && {
      positions: globals,
      q: part(tf.gather(x, [...globals], 1), own.wq),
      k: weights.global ? part(x, own.wk) : k,
      v: weights.global ? part(x, own.wv) : v,
    };
    const mixed = attend({ q, k, v, mask, ...pattern, ...(global && { global }) });
    return project(mergeHeads(mixed), weights.wo);
  });
}
