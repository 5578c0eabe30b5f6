/** The selective scan as a kernel of tfjs's `webgpu` backend: `lib/variants/mamba.ts` calls it there by itself. */

import * as tf from "@tensorflow/tfjs";
import { type ScanAttrs, type ScanInputs, SELECTIVE_SCAN } from "../fused.js";
import { launch } from "../launch.js";
import { release } from "../tensors.js";
import { carry, scanCode, WIDTH } from "./chunk-starts.js";
import { selectiveScanGradient } from "./gradient.js";
import { CHUNK, chooseScanRung, LANES } from "./rung.js";

/** Registers forward and gradient; once. */
export function registerSelectiveScan(): void {
  tf.registerKernel({ kernelName: SELECTIVE_SCAN, backendName: "webgpu", kernelFunc: forward });
  tf.registerGradient({
    kernelName: SELECTIVE_SCAN,
    inputsToSave: ["x", "delta", "A", "B", "C"],
    gradFunc: selectiveScanGradient,
  });
}

/** y `[B, T, D]`. */
const forward: tf.KernelFunc = ({ inputs, attrs }) => {
  const { x, delta, A, B, C } = inputs as Record<keyof ScanInputs, tf.TensorInfo>;
  const [batch, T, D] = x.shape as [number, number, number];
  const wish = attrs as unknown as ScanAttrs;
  const rung = chooseScanRung({ rung: wish.rung, batch, T, D });
  const all = { inputs: [x, delta, A, B, C], outputs: [[batch, T, D]], sizes: [T, D] };
  const constants = { quads: A.shape[1]! / 4, zeroOrder: wish.zeroOrder };
  if (rung !== "chunked") {
    const channels = rung === "plain" ? WIDTH : WIDTH / LANES; // of a workgroup
    return launch({ ...all, code: scanCode(rung), constants, workgroups: [Math.ceil(D / channels), batch] });
  }
  const M = Math.ceil(T / CHUNK);
  const chunks = {
    constants: { ...constants, chunk: CHUNK },
    workgroups: [Math.ceil(D / WIDTH), M, batch] as const,
  };
  const [ends, steps] = launch({
    ...all,
    ...chunks,
    code: scanCode("chunk-ends"),
    inputs: [x, delta, A, B],
    outputs: [
      [1, batch, M, constants.quads, D, 4],
      [batch, M, D],
    ],
  });
  const starts = carry({ A, steps: steps!, states: ends! });
  const y = launch({ ...all, ...chunks, code: scanCode("chunks"), inputs: [...all.inputs, starts] });
  release(starts);
  return y;
};
