/** Decode attention as a kernel of tfjs's `webgpu` backend: `lib/variants/lean-attention.ts` calls it there by itself. */

import * as tf from "@tensorflow/tfjs";
import { hasFeature } from "../device.js";
import { DECODE, type DecodeAttrs, type DecodeRung } from "../fused.js";
import { launch, wgsl } from "../launch.js";
import { release } from "../tensors.js";
import { composedGradient } from "./gradient.js";
import { decodeTables } from "./tables.js";

/** Registers forward and gradient; once. */
export function registerDecode(): void {
  tf.registerKernel({ kernelName: DECODE, backendName: "webgpu", kernelFunc: forward });
  tf.registerGradient({ kernelName: DECODE, inputsToSave: ["q", "k", "v"], gradFunc: composedGradient });
}

const sources: Readonly<Record<DecodeRung, readonly string[]>> = {
  plain: ["plain.wgsl"],
  split: ["quad-workgroup.wgsl", "split.wgsl"],
  subgroup: ["quad-subgroup.wgsl", "split.wgsl"],
};

/** `[B, H, T, E]`. */
const forward: tf.KernelFunc = ({ inputs, attrs }) => {
  const { q, k, v } = inputs as Record<"q" | "k" | "v", tf.TensorInfo>;
  const { scale, lengths, splits, ...wanted } = attrs as unknown as DecodeAttrs;
  const [B, H, T, D] = q.shape as [number, number, number, number];
  const [, G, S, E] = v.shape as [number, number, number, number];
  const R = (T * H) / G;
  const rung = usableRung(wanted.rung, D, E);
  const { pieces, workers, order, tiles } = decodeTables(splits, lengths, G);
  const P = pieces.shape[0]!;
  const ROWS = Math.min(4, R, Math.floor(16 / Math.ceil(E / 16)));
  const [ml, o] = launch({
    code: sources[rung].map((file) => wgsl(`decode/${file}`)).join("\n"),
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

/** The best rung that this device and these widths allow, or the wanted one. @throws RangeError where that cannot be. */
function usableRung(wanted: DecodeRung | undefined, D: number, E: number): DecodeRung {
  const best = D % 4 !== 0 || E % 4 !== 0 ? "plain" : hasFeature("subgroups") ? "subgroup" : "split";
  const ladder: readonly DecodeRung[] = ["plain", "split", "subgroup"];
  if (wanted === undefined || ladder.indexOf(wanted) <= ladder.indexOf(best)) return wanted ?? best;
  throw new RangeError(
    `${DECODE}: expected a rung that runs here with widths ${D} and ${E} (${best} at best), got ${wanted}`,
  );
}
