/** Tells tfjs of every kernel of ours; once, when the backend `webgpu` starts. */

import { registerAttention } from "./attention/attention.js";

export function registerKernels(): void {
  registerAttention();
}
