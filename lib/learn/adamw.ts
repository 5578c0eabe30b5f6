/**
 * AdamW: Adam with decoupled weight decay.
 *
 *   m ← β₁ m + (1 − β₁) g            v ← β₂ v + (1 − β₂) g²
 *   θ ← (1 − α λ) θ − α (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
 *
 * Loshchilov & Hutter, 2019, arXiv:1711.05101, algorithm 2, with the decay scaled by the learning rate α as PyTorch
 * does. Identity (test/learn/adamw.test.ts): follows PyTorch's AdamW, clipping included, step by step.
 * All gradients are joined into one vector before the arithmetic: a dozen kernels a step instead of a dozen for
 * every parameter.
 */

import * as tf from "@tensorflow/tfjs";
import { ensure, formatShape } from "../shapes.js";
import type { Params } from "./language-model.js";
import type { Tensors } from "./mixer.js";

export interface AdamWOptions {
  readonly params: Params;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** λ */
  readonly weightDecay?: number;
  /** Which parameters decay; unless given the matrices, not the biases. */
  readonly decays?: (name: string, parameter: tf.Tensor) => boolean;
  /** Gradients are scaled down to at most this norm, taken over all of them together; no limit unless given. */
  readonly clipNorm?: number;
}

export interface Optimiser {
  /** Changes the parameters in place. A parameter without a gradient counts as having gradient zero. */
  step(options: { gradients: Tensors; learningRate: number }): void;
  /** What a checkpoint must hold to go on as if nothing had happened. The tensors stay the optimiser's. */
  state(): OptimiserState;
  /** Goes on from a state, which is copied. */
  restore(state: OptimiserState): void;
  dispose(): void;
}

export interface OptimiserState {
  readonly steps: number;
  readonly tensors: Tensors;
}

/** An optimiser for these parameters; it owns two vectors as long as all of them together. */
export function adamw({
  params,
  beta1 = 0.9,
  beta2 = 0.999,
  epsilon = 1e-8,
  weightDecay = 0.01,
  decays = (_, parameter) => parameter.rank >= 2,
  clipNorm,
}: AdamWOptions): Optimiser {
  const entries = Object.entries(params);
  const total = entries.reduce((sum, [, { size }]) => sum + size, 0);
  let steps = 0;
  let m: tf.Tensor = tf.zeros([total]);
  let v: tf.Tensor = tf.zeros([total]);
  const replaceMoments = (next: readonly [tf.Tensor, tf.Tensor]) => {
    tf.dispose([m, v]);
    [m, v] = next;
  };

  return {
    step({ gradients, learningRate }) {
      steps++;
      const correction1 = 1 - beta1 ** steps;
      const correction2 = Math.sqrt(1 - beta2 ** steps);
      const next = tf.tidy(() => {
        const g = clip(joined(entries, gradients), clipNorm);
        const nextM = tf.add(m, tf.mul(tf.sub(g, m), 1 - beta1));
        const nextV = tf.add(v, tf.mul(tf.sub(tf.square(g), v), 1 - beta2));
        // √(v / c₂) + ε = (√v + ε √c₂) / √c₂, which leaves the corrections to one scalar.
        const direction = tf.div(nextM, tf.add(tf.sqrt(nextV), epsilon * correction2));
        const changes = tf.split(
          tf.mul(direction, (learningRate * correction2) / correction1),
          entries.map(([, { size }]) => size),
        );
        entries.forEach(([name, parameter], i) => {
          const kept = decays(name, parameter)
            ? tf.mul(parameter, 1 - learningRate * weightDecay)
            : parameter;
          parameter.assign(tf.sub(kept, tf.reshape(changes[i]!, parameter.shape)));
        });
        return [nextM, nextV] as [tf.Tensor, tf.Tensor];
      });
      replaceMoments(next);
    },
    state: () => ({ steps, tensors: { m, v } }),
    restore(state) {
      for (const name of ["m", "v"]) {
        const shape = state.tensors[name]?.shape;
        ensure(
          shape?.length === 1 && shape[0] === total,
          `adamw.restore: expected ${name} of shape [${total}], got ${shape === undefined ? "none" : formatShape(shape)}`,
        );
      }
      steps = state.steps;
      replaceMoments([tf.clone(state.tensors.m!), tf.clone(state.tensors.v!)]);
    },
    dispose: () => tf.dispose([m, v]),
  };
}

function joined(entries: ReadonlyArray<readonly [string, tf.Variable]>, gradients: Tensors): tf.Tensor1D {
  return tf.concat1d(
    entries.map(([name, parameter]) => tf.reshape(gradients[name] ?? tf.zerosLike(parameter), [-1])),
  );
}

/** g · min(1, limit / (‖g‖ + 10⁻⁶)), as PyTorch's `clip_grad_norm_` has it. */
function clip(g: tf.Tensor1D, limit: number | undefined): tf.Tensor1D {
  if (limit === undefined) return g;
  const norm = tf.sqrt(tf.sum(tf.square(g)));
  return tf.mul(g, tf.minimum(1, tf.div(limit, tf.add(norm, 1e-6))));
}
