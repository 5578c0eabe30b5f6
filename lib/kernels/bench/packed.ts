/** Texts of uneven lengths: padded and masked by tfjs's operations, and packed in every rung. */

import * as tf from "@tensorflow/tfjs";
import { composedAttention } from "../../attention.js";
import { offsetsOf, pack, packedAttention, unpack } from "../../packed-attention.js";
import { random } from "../../random.js";
import type { PackedRung } from "../fused.js";
import type { Benchmark, Case } from "./frame/benchmark.js";

export const benchmark: Benchmark = ({ software }) =>
  software
    ? [texts([128, 16, 64, 32], 1, 64)]
    : [texts([1024, 128, 512, 256, 64, 768, 96, 320], 12, 64), texts([4096, 512, 2048, 1024], 12, 64)];

function texts(lengths: readonly number[], H: number, D: number): Case {
  const [B, N, T] = [lengths.length, offsetsOf(lengths).at(-1)!, Math.max(...lengths)];
  const pairs = lengths.reduce((sum, length) => sum + length * length, 0);
  const packed = (rung: PackedRung) => (inputs: readonly tf.Tensor[]) =>
    packedAttention({ ...named(inputs), lengths, rung });
  return {
    label: `${B} texts of ${Math.min(...lengths)} to ${T} tokens, H = ${H}, D = ${D}`,
    flops: 4 * H * D * pairs,
    bytes: 4 * 4 * N * H * D,
    torch: { problem: "packed", options: { lengths } },
    inputs: () => {
      const r = random(N);
      return [0, 1, 2].map(() => r.normalTensor([N, H, D]));
    },
    rungs: {
      "padded, composed": (inputs) => tf.tidy(() => padded(named(inputs), lengths, T)),
      plain: packed("plain"),
      tiled: packed("tiled"),
      subgroup: packed("subgroup"),
    },
    rounding: { tolerance: 1e-4, because: "float32 sums of T exponentials, in another order" },
  };
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
