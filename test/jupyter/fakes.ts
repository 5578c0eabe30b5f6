/** What the runner's tests share: kernelspecs of the fake kernel, and notebooks made of scripts for it. */

import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { KernelSpec } from "../../lib/jupyter/kernelspec.js";
import type { CodeCell, Notebook } from "../../lib/jupyter/notebook.js";

const script = fileURLToPath(new URL("./fake-kernel.js", import.meta.url));

/** The fake kernel; `manner` are further words of its command line. */
export function fakeKernel(
  manner: readonly string[] = [],
  interruptMode: "signal" | "message" = "signal",
): KernelSpec {
  return {
    name: "fake",
    displayName: "Fake",
    language: "fake",
    argv: [process.execPath, script, "{connection_file}", ...manner],
    env: {},
    interruptMode,
  };
}

/** A code cell with tags. */
export function cell(source: string, ...tags: string[]): CodeCell {
  return {
    cell_type: "code",
    id: "cell",
    metadata: tags.length === 0 ? {} : { tags },
    source,
    outputs: [],
    execution_count: null,
  };
}

/** A notebook of these cells, or of code cells with these sources, with ids that differ. */
export function notebook(...cells: readonly (string | Notebook["cells"][number])[]): Notebook {
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec: { name: "fake", display_name: "Fake" } },
    cells: cells.map((each, i) => ({
      ...(typeof each === "string" ? cell(each) : each),
      id: `cell-${i + 1}`,
    })),
  };
}

/** Resolves when the process has ended; it may take a moment after what ended it. */
export async function ends(pid: number): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (!isRunning(pid)) return;
    await sleep(10);
  }
  throw new Error(`process ${pid} still runs`);
}

/** False also for a process that has ended and that its parent has not noticed yet. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const stat = `/proc/${pid}/stat`;
    return !existsSync(stat) || readFileSync(stat, "utf8").split(") ")[1]?.[0] !== "Z";
  } catch {
    return false;
  }
}
