/**
 * Checkpoints: parameters, optimiser state, step and configuration in one safetensors file that loads back identically.
 */

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";
import { formatShape } from "../shapes.js";
import type { Optimiser } from "./adamw.js";
import type { Params } from "./language-model.js";
import { decodeTensors, encodeTensors, type TensorFile } from "./safetensors.js";

export interface SaveOptions {
  readonly path: string;
  readonly params: Params;
  /** Steps done. */
  readonly step: number;
  /** Without it the file serves to run the model, not to go on training. */
  readonly optimiser?: Optimiser;
  /** What the parameters belong to; comes back as JSON has it, so functions are left out. */
  readonly config?: object;
}

/** Writes the file beside its place and moves it there, so that a run killed halfway leaves the old one whole. */
export function saveCheckpoint({ path, params, step, optimiser, config = {} }: SaveOptions): void {
  const state = optimiser?.state();
  const named = [
    ...Object.entries(params).map(([name, tensor]) => [`params.${name}`, tensor] as const),
    ...Object.entries(state?.tensors ?? {}).map(([name, tensor]) => [`optimiser.${name}`, tensor] as const),
  ];
  const metadata = {
    format: "workbook-checkpoint",
    step: String(step),
    optimiserSteps: String(state?.steps ?? 0),
    config: JSON.stringify(config),
  };
  const partial = `${path}.partial`;
  writeFileSync(partial, encodeTensors({ tensors: Object.fromEntries(named), metadata }));
  renameSync(partial, path);
}

export interface LoadOptions {
  readonly path: string;
  /** Take the file's values, if names and shapes agree. */
  readonly params: Params;
  /** Takes the file's state too. */
  readonly optimiser?: Optimiser;
}

/**
 * Puts a checkpoint's values into parameters and optimiser that stand ready. Changes nothing when it throws.
 *
 * @throws RangeError naming the file and what is wrong: no checkpoint, damaged, other names, other shapes.
 */
export function loadCheckpoint({ path, params, optimiser }: LoadOptions): { step: number; config: unknown } {
  const fail = (problem: string): never => {
    throw new RangeError(`loadCheckpoint: ${path}: ${problem}`);
  };
  const { tensors, metadata } = read(path, fail);
  try {
    if (metadata.format !== "workbook-checkpoint")
      fail("expected a checkpoint, got another safetensors file");
    const config = JSON.parse(metadata.config ?? "null") as unknown;
    const saved = under(tensors, "params.");
    const [names, wanted] = [Object.keys(saved).sort(), Object.keys(params).sort()];
    const missing = wanted.filter((name) => !names.includes(name));
    const extra = names.filter((name) => !wanted.includes(name));
    if (missing.length + extra.length > 0) {
      fail(`expected the model's parameters, got a file without [${missing}] and with [${extra}] besides`);
    }
    for (const name of wanted) {
      const [expected, got] = [formatShape(params[name]!.shape), formatShape(saved[name]!.shape)];
      if (expected !== got) fail(`expected ${name} of shape ${expected}, got ${got}`);
    }
    if (optimiser !== undefined) {
      const state = under(tensors, "optimiser.");
      if (Object.keys(state).length === 0) fail("expected an optimiser's state, got a file without one");
      optimiser.restore({ steps: Number(metadata.optimiserSteps), tensors: state });
    }
    for (const name of wanted) params[name]!.assign(saved[name]!);
    return { step: Number(metadata.step), config };
  } finally {
    tf.dispose(tensors);
  }
}

function read(path: string, fail: (problem: string) => never): TensorFile {
  try {
    return decodeTensors(readFileSync(path));
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

function under(tensors: Record<string, tf.Tensor>, prefix: string): Record<string, tf.Tensor> {
  const own = Object.entries(tensors).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}
