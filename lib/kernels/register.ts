/** Tells tfjs of every kernel of ours; once, when the backend `webgpu` starts. */

import { registerAttention } from "./attention/attention.js";
import { registerBlockSparse } from "./attention/block-sparse.js";
import { registerDecode } from "./decode/decode.js";
import { registerDeltaRule } from "./delta-rule/delta-rule.js";
import { registerLinearAttention } from "./linear-attention/linear-attention.js";
import { registerLongConvolution } from "./long-convolution/long-convolution.js";
import { mendTfjs } from "./mends.js";
import { registerPacked } from "./packed/packed.js";
import { registerSelectiveScan } from "./selective-scan/selective-scan.js";
import { registerWkv } from "./wkv/wkv.js";

export function registerKernels(): void {
  mendTfjs();
  registerAttention();
  registerBlockSparse();
  registerDecode();
  registerDeltaRule();
  registerLinearAttention();
  registerLongConvolution();
  registerSelectiveScan();
  registerWkv();
  registerPacked();
}
