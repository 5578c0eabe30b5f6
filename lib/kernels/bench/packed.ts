/** Texts of uneven lengths: padded and masked by tfjs's operations, and packed in every rung. */

import * as tf from "@tensorflow/tfjs";
import { composedAttention } from "../../attention.js";
import { offsetsOf, pack, packedAttention, unpack } from "../../packed-attention.js";
import { random } from "../../random.js";
import type { Rung } from "../fused.js";
import { type Benchmark, type Case, rungsOf } from "./frame/benchmark.js";

export const benchmark: Benchmark = ({ software }) =>
  (software
    ? [{ lengths: [128, 16, 64, 32], H: 1, D: 64 }]
    : [
        { lengths: [1024, 128, 512, 256, 64, 768, 96, 320], H: 12, D: 64 },
        { lengths: [4096, 512, 2048, 1024], H: 12, D: 64 },
      ]
  ).flatMap((sizes) => [forward(sizes), gradients(sizes)]);

/** Runs as `tiled` where the GPU has no shader-f16. */
const half = {
  tolerance: 2e-2,
  because: "operands keep 11 bits, which moves scores up to 5 by 2e-3, and values reach 4",
};
const rounding = { tolerance: 1e-4, because: "float32 sums of T exponentials, in another order" };

interface Sizes {
  readonly lengths: readonly number[];
  readonly H: number;
  readonly D: number;
}

type Form = (inputs: Record<"q" | "k" | "v", tf.Tensor3D>, lengths: readonly number[]) => tf.Tensor;

const packed =
  (rung: Rung): Form =>
  (inputs, lengths) =>
    packedAttention({ ...inputs, lengths, rung });

const forms: Readonly<Record<string, Form>> = {
  "padded, composed": (inputs, lengths) => tf.tidy(() => padded(inputs, lengths, Math.max(...lengths))),
  plain: packed("plain"),
  tiled: packed("tiled"),
};

function forward(sizes: Sizes): Case {
  const { lengths, H, D } = sizes;
  return {
    label: `packed attention, ${labelOf(sizes)}`,
    flops: 4 * H * D * pairsOf(lengths),
    bytes: 4 * 4 * tokensOf(lengths) * H * D,
    torch: { problem: "packed", options: { lengths } },
    inputs: () => inputs(sizes),
    rungs: rungsOf(
      { ...forms, subgroup: packed("subgroup"), f16: packed("f16") },
      (form) => (all) => form(named(all), lengths),
    ),
    rounding,
    roundings: { f16: half },
  };
}

/** Forward, and five products more: the scores again, dV, dP, dQ and dK. */
function gradients(sizes: Sizes): Case {
  const { lengths, H, D } = sizes;
  return {
    label: `packed attention and its gradients, ${labelOf(sizes)}`,
    flops: 14 * H * D * pairsOf(lengths),
    bytes: 4 * 8 * tokensOf(lengths) * H * D,
    torch: { problem: "packed", options: { lengths }, gradients: 3 },
    inputs: () => inputs(sizes),
    rungs: rungsOf(
      forms,
      (form) => (all) => tf.grads((...each: tf.Tensor[]) => tf.sum(form(named(each), lengths)))([...all]),
    ),
    rounding,
  };
}

const tokensOf = (lengths: readonly number[]) => offsetsOf(lengths).at(-1)!;
const pairsOf = (lengths: readonly number[]) => lengths.reduce((sum, length) => sum + length * length, 0);
const labelOf = ({ lengths, H, D }: Sizes) =>
  `${lengths.length} texts of ${Math.min(...lengths)} to ${Math.max(...lengths)} tokens, H = ${H}, D = ${D}`;

function inputs({ lengths, H, D }: Sizes): tf.Tensor[] {
  const r = random(tokensOf(lengths));
  return [0, 1, 2].map(() => r.normalTensor([tokensOf(lengths), H, D]));
}

function padded(
  { q, k, v }: Record<"q" | "k" | "v", tf.Tensor3D>,
  lengths: readonly number[],
  T: number,
): tf.Tensor3D {
  const [N, H, D] = q.shape;
  const heads = (x: tf.Tensor3D): tf.Tensor4D => {
    const rows = unpack({ x: tf.reshape(x, [N, H * D]), lengths, T });
    return tf.transpose(tf.reshape(rows, [lengths.length, T, H, D]), [0, 2, 1, 3]);
  };
  const inside = tf.less(tf.range(0, T), tf.tensor2d([...lengths], [lengths.length, 1]));
  const mask = tf.reshape(inside, [lengths.length, 1, 1, T]);
  const out = tf.transpose(composedAttention({ q: heads(q), k: heads(k), v: heads(v), mask }), [0, 2, 1, 3]);
  return tf.reshape(pack({ x: tf.reshape(out, [lengths.length, T, H * D]), lengths }), [N, H, D]);
}

function named(inputs: readonly tf.Tensor[]): Record<"q" | "k" | "v", tf.Tensor3D> {
  const [q, k, v] = inputs as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
  return { q, k, v };
}
