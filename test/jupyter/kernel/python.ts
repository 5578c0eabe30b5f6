/** Jupyter's own programs, out of .venv, with this kernel and nothing of the user's. */

import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import type { Context } from "mocha";
import { kernelName, kernelSpec } from "../../../lib/jupyter/kernel/kernelspec.js";
import { root } from "../../../lib/root.js";

/** The set-up's Python, or another one that has what the tests need. */
const python = process.env.WORKBOOK_CONFORMANCE_PYTHON ?? path.join(root, ".venv", "bin", "python");

/** Skips what needs these Python modules where they are not installed; with REQUIRE_JUPYTER=1 it fails instead. */
export function needModules(context: Context, ...modules: readonly string[]): void {
  if (spawnSync(python, ["-c", `import ${modules.join(", ")}`]).status === 0) return;
  const reason = `${python} has no ${modules.join(", ")} (npm run setup)`;
  if (process.env.REQUIRE_JUPYTER === "1") throw new Error(reason);
  context.skipReason = reason;
  context.skip();
}

/** A folder in which Jupyter finds the kernel and keeps its files. */
export class JupyterHome {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), "workbook-jupyter-"));

  constructor() {
    const kernel = path.join(this.folder, "kernels", kernelName);
    mkdirSync(kernel, { recursive: true });
    writeFileSync(path.join(kernel, "kernel.json"), JSON.stringify(kernelSpec()));
  }

  run(...args: readonly string[]): SpawnSyncReturns<string> {
    const own = (name: string) => path.join(this.folder, name);
    const env = {
      ...process.env,
      JUPYTER_PATH: this.folder,
      JUPYTER_CONFIG_DIR: own("config"),
      JUPYTER_DATA_DIR: own("data"),
      JUPYTER_RUNTIME_DIR: own("runtime"),
    };
    return spawnSync(python, args, { cwd: root, env, encoding: "utf8" });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
