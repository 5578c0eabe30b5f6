/** The scan of outer products, 64 positions at a time, in five kernels: their operands in float32 (`chunked`) or as halves (`f16`). */

import type * as tf from "@tensorflow/tfjs";
import { launch, wgsl } from "../launch.js";
import { release, strides } from "../tensors.js";
import type { OuterScan } from "./outer-scan.js";

const [CHUNK, TILE] = [64, 64];

/** y, `[B, H, T, I]`; I and J are multiples of 4. */
export function chunked(scan: Omit<OuterScan, "rung">, rung: "chunked" | "f16"): tf.TensorInfo {
  const { w, m, r, logDecay, decayOnRow = false, reverse = false, exclusive = false } = scan;
  const [B, H, T, I] = w.shape as [number, number, number, number];
  const [N, J, C, chunks] = [B * H, m.shape[3]!, logDecay.shape.at(-1) ?? 1, Math.ceil(T / CHUNK)];
  const file = (name: string) => wgsl(`linear-attention/${name}.wgsl`);
  const [byRow, byColumn] = [C > 1 && decayOnRow, C > 1 && !decayOnRow];
  const common = { constants: { reverse, byRow, byColumn }, sizes: [N, T, I, J, C] };
  const product = (name: string) => ({
    ...common,
    code: file(rung === "f16" ? "held-f16" : "held-f32") + file("tile") + file(name),
  });

  const [b] = launch({
    code: file("cumulative"),
    constants: { chunk: CHUNK, reverse },
    inputs: [logDecay],
    outputs: [[N, T, C]],
    sizes: [N, H, T, C, ...strides(logDecay)],
    workgroups: [Math.ceil((chunks * C) / 64), N],
  });
  const [added] = launch({
    ...product("chunk-sums"),
    inputs: [w, m, b!],
    outputs: [[N, chunks, J, I]],
    workgroups: [Math.ceil(I / TILE) * Math.ceil(J / TILE), chunks, N],
  });
  const [before] = launch({
    ...common,
    code: file("carry"),
    constants: { chunk: CHUNK, byRow },
    inputs: [added!, b!],
    outputs: [[N, chunks, J, I]],
    workgroups: [Math.ceil((I * J) / 64), N],
  });
  release(added!);
  const { constants, ...scores } = product("scores");
  const [A] = launch({
    ...scores,
    constants: { ...constants, exclusive },
    inputs: [m, r, b!],
    outputs: [[N, chunks, CHUNK, CHUNK]],
    workgroups: [chunks, N],
  });
  const [y] = launch({
    ...product("outputs"),
    inputs: [w, r, b!, before!, A!],
    outputs: [w.shape],
    workgroups: [Math.ceil(I / TILE), chunks, N],
  });
  release(b!, before!, A!);
  return y!;
}
