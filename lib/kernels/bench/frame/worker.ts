/**
 * The process that has a GPU and measures one thing on it: the ceilings, or a case. What hangs, crashes or loses the device takes
 * nothing else with it, and memory that tfjs kept for later goes with it. Started and told what to do by `parent.ts`.
 */

import { writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import * as tf from "@tensorflow/tfjs";
import { useBackend } from "../../../backend.js";
import type { GpuInfo } from "../../adapter.js";
import { describeGpu } from "../../device.js";
import { type Ceilings, measureCeilings } from "./ceilings.js";
import { type Effort, hasGpuClock } from "./clock.js";
import { casesOf } from "./kernels.js";
import { type Missing, measureRungs, type Numbers, type Timed } from "./measure.js";

export type Task =
  | { readonly kind: "ceilings" }
  | {
      readonly kind: "case";
      readonly kernel: string;
      readonly index: number;
      /** Rungs that a process before this one has measured, or failed at. */
      readonly skip: readonly string[];
      /** Where to leave inputs and results for PyTorch; nowhere unless given. */
      readonly folder?: string;
    };

/** Tensors in files: float32, little-endian. */
export interface Filed {
  readonly path: string;
  readonly shape: readonly number[];
}

export type FromWorker =
  | { readonly kind: "starting"; readonly what: string }
  | { readonly kind: "ceilings"; readonly gpu: GpuInfo; readonly ceilings: Ceilings; readonly clock: string }
  | { readonly kind: "timed"; readonly timed: Timed }
  | { readonly kind: "missing"; readonly missing: Missing }
  | { readonly kind: "files"; readonly inputs: readonly Filed[]; readonly outputs: readonly Filed[] }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly message: string };

/** Inputs and ceilings, as the parent hears of them before there is a rung. */
export const PREPARING = "its inputs";

/** What a batch takes, and how many there are. */
export function effortOn(software: boolean): Effort {
  return software ? { batches: 3, milliseconds: 1, byWall: true } : { batches: 9, milliseconds: 15 };
}

/** Answers one task, and ends. */
export async function work(): Promise<void> {
  // Nobody is left to answer, and an orderly exit would wait for a kernel that hangs.
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  const task = await new Promise<Task>((resolve) =>
    process.once("message", (message: Task) => resolve(message)),
  );
  try {
    await say({ kind: "starting", what: PREPARING });
    await useBackend("webgpu");
    await (task.kind === "ceilings" ? ceilings() : measure(task));
    await say({ kind: "done" });
  } catch (error) {
    await say({ kind: "failed", message: (error as Error).message });
  }
  process.removeAllListeners("disconnect");
  process.exit();
}

async function ceilings(): Promise<void> {
  const gpu = describeGpu();
  const measured = await measureCeilings(gpu, effortOn(gpu.software));
  const clock =
    hasGpuClock() && !gpu.software ? "the GPU's timestamps" : "the wall clock (no GPU with timestamps here)";
  await say({ kind: "ceilings", gpu, ceilings: measured, clock });
}

async function measure({ kernel, index, skip, folder }: Extract<Task, { kind: "case" }>): Promise<void> {
  const gpu = describeGpu();
  const one = (await casesOf(kernel, gpu))[index]!;
  const inputs = one.inputs();
  const listener = {
    starting: (what: string) => void say({ kind: "starting", what }),
    timed: (timed: Timed) => void say({ kind: "timed", timed }),
    missing: (missing: Missing) => void say({ kind: "missing", missing }),
  };
  const { numbers } = await measureRungs(one, inputs, effortOn(gpu.software), { skip, listener });
  if (folder === undefined || numbers === undefined) return;
  await say({ kind: "starting", what: "files for PyTorch" });
  const read = inputs.map(async (each) => ({ shape: each.shape, data: await each.data() }));
  await say({
    kind: "files",
    inputs: file(folder, "input", await Promise.all(read)),
    outputs: file(folder, "output", numbers),
  });
  tf.dispose(inputs);
}

function file(folder: string, name: string, tensors: readonly Numbers[]): Filed[] {
  return tensors.map(({ shape, data }, i) => {
    const at = path.join(folder, `${name}-${i}.bin`);
    writeFileSync(at, Float32Array.from(data));
    return { path: at, shape };
  });
}

function say(message: FromWorker): Promise<void> {
  return new Promise((resolve) => process.send!(message, undefined, undefined, () => resolve()));
}
