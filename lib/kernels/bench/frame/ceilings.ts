/** What this adapter can do at most, measured: bytes moved by a copy, float32 operations done by a matrix product. */

import * as tf from "@tensorflow/tfjs";
import { random } from "../../../random.js";
import { ensure } from "../../../shapes.js";
import type { GpuInfo } from "../../adapter.js";
import { launch, wgsl } from "../../launch.js";
import { type Effort, timeOnGpu } from "./clock.js";

export interface Ceilings {
  /** Read and written, per second. */
  readonly bytesPerSecond: number;
  readonly flopsPerSecond: number;
  /** Which product was the fastest, ours or tfjs's, and at which size. */
  readonly product: string;
  readonly copy: string;
}

/** Large enough to outgrow a GPU's caches; on software, small enough to wait for. */
const sizes = { gpu: { copy: 2 ** 25, product: 2048 }, software: { copy: 2 ** 22, product: 256 } };

export async function measureCeilings({ software }: GpuInfo, effort: Effort): Promise<Ceilings> {
  const { copy: words, product: n } = software ? sizes.software : sizes.gpu;
  const x = tf.ones<tf.Rank.R1>([words]);
  const copy = await timeOnGpu(() => copyOf(x), effort);
  x.dispose();
  const [a, b] = [1, 2].map((seed) => random(seed).normalTensor<tf.Rank.R2>([n, n]));
  const ours = await timeOnGpu(() => product(a!, b!), effort);
  const tfjs = await timeOnGpu(() => tf.matMul(a!, b!), effort);
  tf.dispose([a!, b!]);
  const [name, best] = ours.median <= tfjs.median ? ["product.wgsl", ours] : ["tf.matMul", tfjs];
  return {
    bytesPerSecond: (2 * 4 * words) / (copy.median / 1000),
    flopsPerSecond: (2 * n ** 3) / (best.median / 1000),
    product: `${name}, ${n} × ${n}`,
    copy: `copy.wgsl, ${words / 2 ** 18} MiB`,
  };
}

/** The same numbers, in another buffer. A length that 4 divides. */
export function copyOf(x: tf.Tensor1D): tf.Tensor {
  ensure(x.size % 4 === 0, `copyOf: expected a length that 4 divides, got ${x.size}`);
  const vectors = x.size / 4;
  const workgroups = Math.min(4096, Math.ceil(vectors / 256));
  return made(
    launch({
      code: wgsl("bench/frame/copy.wgsl"),
      inputs: [x],
      outputs: [x.shape],
      sizes: [vectors, 256 * workgroups],
      workgroups: [workgroups],
    }),
  );
}

/** a b, `[n, n]` each, 128 dividing n. */
export function product(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor {
  const [n] = a.shape;
  ensure(n % 128 === 0, `product: expected a size that 128 divides, got ${n}`);
  return made(
    launch({
      code: wgsl("bench/frame/product.wgsl"),
      inputs: [a, b],
      outputs: [[n, n]],
      sizes: [n],
      workgroups: [n / 128, n / 128],
    }),
  );
}

function made([info]: readonly tf.TensorInfo[]): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo(info!);
}
