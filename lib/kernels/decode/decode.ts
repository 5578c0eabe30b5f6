/** Decode attention as a kernel of tfjs's `webgpu` backend: `lib/variants/lean-attention.ts` calls it there by itself. */

import * as tf from "@tensorflow/tfjs";
import { DECODE, type DecodeAttrs, type DecodeRung } from "../fused.js";
import { launch, wgsl } from "../launch.js";
import { usableRung } from "../rung.js";
import { release } from "../tensors.js";
import { decodeGradient } from "./gradient.js";
import { decodeTables } from "./tables.js";

/** Registers forward and gradient; once. */
export function registerDecode(): void {
  tf.registerKernel({ kernelName: DECODE, backendName: "webgpu", kernelFunc: forward });
  tf.registerGradient({ kernelName: DECODE, inputsToSave: ["q", "k", "v"], gradFunc: decodeGradient });
}

const sources: Readonly<Record<DecodeRung, readonly string[]>> = {
  plain: ["decode/plain.wgsl"],
  split: ["decode/quad-workgroup.wgsl", "decode/split.wgsl"],
  subgroup: ["decode/quad-subgroup.wgsl", "decode/split.wgsl"],
};

/** `[B, H, T, E]`. */
const forward: tf.KernelFunc = ({ inputs, attrs }) => {
  const { q, k, v } = inputs as Record<"q" | "k" | "v", tf.TensorInfo>;
  const { scale, lengths, splits, ...wanted } = attrs as unknown as DecodeAttrs;
  const [B, H, T, D] = q.shape as [number, number, number, number];
  const [, G, S, E] = v.shape as [number, number, number, number];
  const R = (T * H) / G;
  const rung = usableRung(DECODE, ["plain", "split", "subgroup"], wanted.rung, D, E);
  const { pieces, workers, order, tiles } = decodeTables(splits, lengths, G);
  const P = pieces.shape[0]!;
  const ROWS = Math.min(4, R, Math.floor(16 / Math.ceil(E / 16)));
  const [ml, o] = launch({
    code: sources[rung].map(wgsl).join("\n"),
    constants: { D, E, scale, ...(rung === "plain" ? {} : { ROWS }) },
    inputs: [q, k, v, pieces, workers],
    outputs: [
      [P, R, 2],
      [P, R, E],
    ],
    sizes: [R, T, S, P],
    workgroups: [splits.length, Math.ceil(R / (rung === "plain" ? 64 : ROWS))],
  }) as [tf.TensorInfo, tf.TensorInfo];
  const [out] = launch({
    code: wgsl("decode/merge.wgsl"),
    constants: { E },
    inputs: [ml, o, order, tiles],
    outputs: [[B, H, T, E]],
    sizes: [R, B * G],
    workgroups: [Math.ceil((B * H * T * E) / 64)],
  }) as [tf.TensorInfo];
  release(pieces, workers, order, tiles, ml, o);
  return out;
};
