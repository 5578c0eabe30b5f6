/** The kernels that are compared, and how each is got; the same cells in each one's own language. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { root } from "../../root.js";
import { findKernel, type KernelSpec } from "../kernelspec.js";

export interface Contestant {
  readonly name: string;
  /** The kernel, fetched where that is needed. @throws Error that says why there is none. */
  spec(): KernelSpec;
  /** A small cell that declares the number `x<i>` from the one before it, and shows it. */
  small(i: number): string;
  /** A cell that prints the numbers below `count`, one a line. */
  lines(count: number): string;
  /** A cell that brings TensorFlow.js in, and a small one that uses its types; none where that means nothing. */
  readonly tfjs?: { readonly load: string; use(i: number): string };
}

const denoVersion = "2.9.6";
const cache = path.join(root, ".cache", "bench-kernel");

const javascript = {
  small: (i: number) => `const x${i} = ${i === 0 ? "0" : `x${i - 1}`} + 1; x${i}`,
  lines: (count: number) => `for (let i = 0; i < ${count}; i++) console.log(i)`,
};

const tfjs = {
  load: 'import * as tf from "@tensorflow/tfjs"; tf.version.tfjs',
  use: (i: number) => `const t${i} = tf.scalar(${i}); t${i}.rank`,
};

export const contestants: readonly Contestant[] = [
  { name: "workbook", ...javascript, tfjs, spec: () => findKernel("workbook") },
  { name: "tslab", ...javascript, tfjs, spec: () => findKernel("tslab") },
  { name: "deno", ...javascript, spec: deno },
  {
    name: "ipykernel",
    small: (i) => `x${i} = ${i === 0 ? "0" : `x${i - 1}`} + 1; x${i}`,
    lines: (count) => `for i in range(${count}): print(i)`,
    spec: ipykernel,
  },
];

/** Deno from npm, in a folder of its own: the project does not depend on it. */
function deno(): KernelSpec {
  const folder = path.join(cache, `deno-${denoVersion}`);
  const binary = path.join(folder, "node_modules", "deno", "deno");
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "package.json"), '{ "private": true }\n');
    must("npm", ["install", "--no-audit", "--no-fund", `deno@${denoVersion}`], folder);
    must(process.execPath, [path.join(folder, "node_modules", "deno", "install.cjs")], folder);
  }
  return {
    name: "deno",
    displayName: `Deno ${denoVersion}`,
    language: "typescript",
    argv: [binary, "jupyter", "--kernel", "--conn", "{connection_file}"],
    env: { DENO_DIR: path.join(cache, "deno-cache"), DENO_NO_UPDATE_CHECK: "1" },
    interruptMode: "message",
  };
}

/** JupyterLab brings it into .venv. */
function ipykernel(): KernelSpec {
  const python = path.join(root, ".venv", "bin", "python");
  must(python, ["-c", "import ipykernel"], root);
  return {
    name: "ipykernel",
    displayName: "Python",
    language: "python",
    argv: [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    env: {},
    interruptMode: "signal",
  };
}

function must(command: string, args: readonly string[], cwd: string): void {
  const { status, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status === 0) return;
  const why = error?.message ?? stderr.trim().split("\n").at(-1);
  throw new Error(`\`${path.basename(command)} ${args.join(" ")}\` failed: ${why}`);
}
