/** WKV as a kernel of tfjs's `webgpu` backend, and its gradient. */

import * as tf from "@tensorflow/tfjs";
import { WKV, type WkvAttrs, type WkvInputs } from "../fused.js";
import { launch, release, wgsl } from "../launch.js";
import { sumRows } from "../sum-rows.js";

/** Channels in a workgroup. */
const WIDTH = 64;
/** Positions in a chunk: sums of chunks are then few numbers beside k and v. */
const CHUNK = 32;

/** Registers forward and gradient; once. */
export function registerWkv(): void {
  tf.registerKernel({ kernelName: WKV, backendName: "webgpu", kernelFunc: forward });
  tf.registerGradient({
    kernelName: WKV,
    inputsToSave: ["w", "u", "k", "v"],
    outputsToSave: [true, true],
    gradFunc: gradient,
  });
}

/** y and the logarithm of each row's sum of weights, `[B, T, C]` each. */
const forward: tf.KernelFunc = ({ inputs, attrs }) => {
  const { w, u, k, v } = inputs as Record<keyof WkvInputs, tf.TensorInfo>;
  const [B, T, C] = k.shape as [number, number, number];
  const { rung = T > CHUNK ? "chunked" : "plain" } = attrs as unknown as WkvAttrs;
  const all = { outputs: [k.shape, k.shape], sizes: [T, C] };
  if (rung === "plain") {
    const workgroups = [Math.ceil(C / WIDTH), B] as const;
    return launch({ ...all, code: code("sums", "plain"), inputs: [w, u, k, v], workgroups });
  }
  const starts = chunkStarts(["sums", "chunk-ends", "carry"], 3, [w, k, v]);
  const results = launch({
    ...all,
    code: code("sums", "chunks"),
    constants: { chunk: CHUNK },
    inputs: [w, u, k, v, starts],
    workgroups: chunksOf(B, T, C),
  });
  release(starts);
  return results;
};

/** The gradient by y; lse is kept for it and has none of its own. */
const gradient: tf.GradFunc = (given, saved) => {
  const [dy] = given as tf.Tensor3D[];
  const [w, u, k, v, y, lse] = saved as [tf.Tensor1D, tf.Tensor1D, ...tf.Tensor3D[]];
  const [B, T, C] = k!.shape;
  const starts = chunkStarts(["echo", "gradient-ends", "gradient-carry"], 5, [w, lse!, y!, dy!]);
  const results = launch({
    code: code("echo", "gradient"),
    constants: { chunk: CHUNK },
    inputs: [tf.stack([w, u]), k!, v!, lse!, y!, dy!, starts],
    outputs: [k!.shape, k!.shape, [B * Math.ceil(T / CHUNK), 2, C]],
    sizes: [T, C],
    workgroups: chunksOf(B, T, C),
  });
  const [dk, dv] = results.slice(0, 2).map((info) => tf.engine().makeTensorFromTensorInfo(info));
  const parts = results[2]!;
  const [dw, du] = tf.unstack(sumRows({ parts, rows: B * Math.ceil(T / CHUNK), shape: [2, C] }));
  release(starts, parts);
  return { w: () => dw!, u: () => du!, k: () => dk!, v: () => dv! };
};

/** `numbers` for each chunk and channel, `[numbers, B, M, C]`: what comes from outside of the chunk, in the scan's direction. */
function chunkStarts([shared, first, second]: string[], numbers: number, inputs: tf.TensorInfo[]) {
  const [B, T, C] = inputs[1]!.shape as [number, number, number];
  const M = Math.ceil(T / CHUNK);
  const all = { constants: { chunk: CHUNK }, outputs: [[numbers, B, M, C]] };
  const workgroups = chunksOf(B, T, C);
  const [ends] = launch({ ...all, code: code(shared!, first!), inputs, sizes: [T, C], workgroups });
  const [starts] = launch({
    ...all,
    code: code(shared!, second!),
    inputs: [inputs[0]!, ends!],
    sizes: [M, C],
    workgroups: [workgroups[0], B],
  });
  release(ends!);
  return starts!;
}

const chunksOf = (B: number, T: number, C: number) =>
  [Math.ceil(C / WIDTH), Math.ceil(T / CHUNK), B] as const;

const code = (shared: string, name: string) => wgsl(`wkv/${shared}.wgsl`) + wgsl(`wkv/${name}.wgsl`);
