/** Packed attention as a kernel of tfjs's `webgpu` backend: `lib/packed-attention.ts` calls it there by itself. */

import type * as tf from "@tensorflow/tfjs";
import { offsetsOf } from "../../packed-attention.js";
import { registerFamily } from "../attention/family.js";
import type { Pattern } from "../attention/forward.js";
import { PACKED, type PackedAttrs } from "../fused.js";
import { launch, wgsl } from "../launch.js";
import { ints, release } from "../tensors.js";

/** Registers forward and gradient; once. */
export function registerPacked(): void {
  registerFamily<PackedAttrs>({ name: PACKED, told: [], pattern, gradients: () => ({}) });
}

/** Each token's text, out of the lengths; the table stays on the GPU: texts.wgsl. */
function pattern({ q }: tf.NamedTensorInfoMap, { lengths, causal }: PackedAttrs): Pattern {
  const N = q!.shape[0]!;
  const offsets = ints(offsetsOf(lengths));
  const [texts] = launch({
    code: wgsl("packed/text-of-token.wgsl"),
    inputs: [offsets],
    outputs: [[N, 2]],
    sizes: [N, lengths.length],
    workgroups: [Math.ceil(N / 64)],
  }) as [tf.TensorInfo];
  release(offsets);
  return { code: "packed/texts.wgsl", input: texts, sizes: [Number(causal)], temporary: [texts] };
}
