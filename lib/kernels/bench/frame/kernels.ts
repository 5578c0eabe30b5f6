/** Whose figures `npm run bench:gpu` knows, by name; written out, because a bundle has no folder to look into. */

import type { GpuInfo } from "../../adapter.js";
import type { Benchmark, Case } from "./benchmark.js";

const files: Readonly<Record<string, () => Promise<{ readonly benchmark: Benchmark }>>> = {
  attention: () => import("../attention.js"),
  decode: () => import("../decode.js"),
  "delta-rule": () => import("../delta-rule.js"),
  "linear-attention": () => import("../linear-attention.js"),
  "long-convolution": () => import("../long-convolution.js"),
  packed: () => import("../packed.js"),
  "selective-scan": () => import("../selective-scan.js"),
  wkv: () => import("../wkv.js"),
};

export const kernelNames: readonly string[] = Object.keys(files);

/** The cases of the kernel's file `../<name>.ts`. */
export async function casesOf(name: string, gpu: GpuInfo): Promise<readonly Case[]> {
  return (await files[name]!()).benchmark(gpu);
}
