/**
 * Counts what a computation did: operations, memory traffic, peak memory, kernel by kernel.
 *
 * Taken from the kernels that the backend really ran, through their entries in tfjs's kernel registry: unlike
 * `tf.profile`, an entry sees a kernel's attributes, and whether another kernel called it. Nothing here is
 * timed, so the same formula gives the same counts on every run and every backend.
 */

import * as tf from "@tensorflow/tfjs";
import { type KernelCall, kernelFlops } from "./flops.js";
import { followLiveBytes, tensorBytes } from "./live-bytes.js";
import { type Measured, released } from "./run.js";

export interface KernelCount {
  readonly name: string;
  readonly calls: number;
  /** Floating-point operations of all calls; zero where `known` is false. */
  readonly flops: number;
  /** Bytes of all outputs. */
  readonly outputBytes: number;
  /** False when no formula covers this kernel (see `defineFlops`). */
  readonly known: boolean;
}

export interface Counts {
  /** Floating-point operations; a multiply-add is two. The kernels in `uncounted` are missing from it. */
  readonly flops: number;
  /** Bytes that the kernels read and wrote, as if nothing stayed in a cache between them. */
  readonly bytesMoved: number;
  /**
   * Most bytes of tensors alive at once, above the level at entry. Scratch memory inside a kernel is not seen, and
   * tensors that existed at entry count nothing even when they are disposed of.
   */
  readonly peakBytes: number;
  /** In order of first call. */
  readonly kernels: readonly KernelCount[];
  /** Names of kernels that ran and have no formula: never silently zero. */
  readonly uncounted: readonly string[];
}

let counting = false;

/**
 * Runs `fn` once and counts. Its returned tensors are disposed of.
 *
 * @throws when another count is still running: both would see each other's kernels.
 */
export async function count(fn: Measured): Promise<Counts> {
  if (counting) throw new Error("count: expected one count at a time, got a second while one is running");
  counting = true;
  const tally = new Map<string, KernelCount>();
  let bytesMoved = 0;
  const stopHook = hookKernels((call) => {
    bytesMoved += trafficBytes(call);
    add(tally, call);
  });
  try {
    return await released(fn, () => {
      const peakBytes = stopHook();
      const kernels = [...tally.values()];
      return {
        flops: kernels.reduce((sum, { flops }) => sum + flops, 0),
        bytesMoved,
        peakBytes,
        kernels,
        uncounted: kernels.filter(({ known }) => !known).map(({ name }) => name),
      };
    });
  } finally {
    stopHook();
    counting = false;
  }
}

function add(tally: Map<string, KernelCount>, call: KernelCall): void {
  const flops = kernelFlops(call);
  const { name } = call;
  const sum = tally.get(name) ?? { name, calls: 0, flops: 0, outputBytes: 0, known: true };
  tally.set(name, {
    name,
    calls: sum.calls + 1,
    flops: sum.flops + (flops ?? 0),
    outputBytes: sum.outputBytes + totalBytes(call.outputs),
    known: sum.known && flops !== undefined,
  });
}

/** Wraps every kernel of the current backend until the returned function is called; that returns the peak bytes. */
function hookKernels(record: (call: KernelCall) => void): () => number {
  const live = followLiveBytes();
  let running = false;
  const restore = tf.getKernelsForBackend(tf.getBackend()).map((kernel) => {
    const original = kernel.kernelFunc;
    kernel.kernelFunc = (params) => {
      // Some backends build a kernel out of others; the outer one's formula covers them.
      if (running) return original(params);
      running = true;
      live.enterKernel();
      let outputs: tf.TensorInfo[] = [];
      let source: tf.TensorInfo | undefined;
      try {
        const result = original(params);
        outputs = [result].flat();
        const call = { name: kernel.kernelName, inputs: params.inputs, attrs: params.attrs ?? {}, outputs };
        source = isView(call) ? call.inputs.x : undefined;
        record(call);
        return result;
      } finally {
        live.leaveKernel(outputs, source);
        running = false;
      }
    };
    return () => {
      kernel.kernelFunc = original;
    };
  });
  let peak: number | undefined;
  return () => {
    if (peak === undefined) {
      for (const undo of restore) undo();
      peak = live.stop();
    }
    return peak;
  };
}

/** Kernels whose output is their input's memory under another name. */
function isView({ name, inputs, outputs }: KernelCall): boolean {
  return (
    name === "Reshape" || name === "Identity" || (name === "Cast" && inputs.x?.dtype === outputs[0]?.dtype)
  );
}

const selections = new Set(["Slice", "StridedSlice", "GatherV2", "GatherNd"]);

function trafficBytes(call: KernelCall): number {
  if (isView(call)) return 0;
  const written = totalBytes(call.outputs);
  // A selection reads only what it copies.
  return written + (selections.has(call.name) ? written : totalBytes(Object.values(call.inputs)));
}

function totalBytes(tensors: readonly (tf.TensorInfo | undefined)[]): number {
  return tensors.reduce((sum, tensor) => sum + (tensor === undefined ? 0 : tensorBytes(tensor)), 0);
}
