/** The versions that figures depend on. */

import { createRequire } from "node:module";
import process from "node:process";
import * as tf from "@tensorflow/tfjs";

/** By name: Node, tfjs, and the package that brings Dawn. */
export function versions(): Record<string, string> {
  const { version } = createRequire(import.meta.url)("webgpu/package.json") as { version: string };
  return { Node: process.version.slice(1), tfjs: tf.version_core, "webgpu (Dawn)": version };
}
