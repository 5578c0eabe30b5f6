/** Packed attention as a kernel of tfjs's `webgpu` backend: `lib/packed-attention.ts` calls it there by itself. */

import * as tf from "@tensorflow/tfjs";
import { cacheMask } from "../../cache-mask.js";
import { headsOf, offsetsOf, textsOf, tokensOf } from "../../packed-attention.js";
import { attentionGradient } from "../composed-gradient.js";
import { PACKED, type PackedAttrs, type PackedRung } from "../fused.js";
import { launch, wgsl } from "../launch.js";
import { usableRung } from "../rung.js";
import { ints, release } from "../tensors.js";

/** Queries of a workgroup, in tiled.wgsl. */
const QUERIES = 32;

/** Registers forward and gradient; once. */
export function registerPacked(): void {
  tf.registerKernel({ kernelName: PACKED, backendName: "webgpu", kernelFunc: forward });
  tf.registerGradient({ kernelName: PACKED, inputsToSave: ["q", "k", "v"], gradFunc: gradient });
}

const sources: Readonly<Record<PackedRung, readonly string[]>> = {
  plain: ["packed/plain.wgsl"],
  tiled: ["decode/quad-workgroup.wgsl", "packed/tiled.wgsl"],
  subgroup: ["decode/quad-subgroup.wgsl", "packed/tiled.wgsl"],
};

/** `[N, H, E]`. */
const forward: tf.KernelFunc = ({ inputs, attrs }) => {
  const { q, k, v } = inputs as Record<"q" | "k" | "v", tf.TensorInfo>;
  const { scale, causal, lengths, ...wanted } = attrs as unknown as PackedAttrs;
  const [N, H, D] = q.shape as [number, number, number];
  const [, G, E] = v.shape as [number, number, number];
  const rung = usableRung(PACKED, ["plain", "tiled", "subgroup"], wanted.rung, D, E);
  // A workgroup for each: first query, first key, end.
  const tiles = textsOf(lengths).flatMap(({ start, n }) =>
    Array.from({ length: Math.ceil(n / QUERIES) }, (_, i) => [start + i * QUERIES, start, start + n, 0]),
  );
  const table = rung === "plain" ? ints(offsetsOf(lengths)) : ints(tiles.flat());
  const [out] = launch({
    code: sources[rung].map(wgsl).join("\n"),
    constants: { D, E, scale, causal },
    inputs: [q, k, v, table],
    outputs: [[N, H, E]],
    sizes: [N, H, G, lengths.length],
    workgroups: [rung === "plain" ? Math.ceil(N / 64) : tiles.length, H],
  }) as [tf.TensorInfo];
  release(table);
  return out;
};

/** Text by text, out of tfjs's operations. */
const gradient: tf.GradFunc = (dy, saved, attrs) => {
  const [q, k, v] = saved as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
  const { scale, causal, lengths } = attrs as unknown as PackedAttrs;
  const [[, H], [, G]] = [q.shape, k.shape];
  const texts = textsOf(lengths).map(({ start, n }) => {
    const own = (x: tf.Tensor3D) => headsOf(tf.slice(x, start, n), G);
    const mask = causal ? cacheMask({ lengths: [n], T: n, S: n, group: H / G }) : undefined;
    const dO = own([dy].flat()[0] as tf.Tensor3D);
    return attentionGradient({ q: own(q), k: own(k), v: own(v), dO, mask, scale });
  });
  const joined = (name: "q" | "k" | "v", heads: number) => () =>
    tf.concat(
      texts.map((text) => tokensOf(text[name](), heads)),
      0,
    );
  return { q: joined("q", H), k: joined("k", G), v: joined("v", G) };
};
