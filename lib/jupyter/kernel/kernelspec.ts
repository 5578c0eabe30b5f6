/** The kernelspec with which Jupyter finds and starts this kernel. */

import process from "node:process";
import { fileURLToPath } from "node:url";

export const kernelName = "workbook";

/**
 * What `kernel.json` holds.
 *
 * @param node the Node binary to start, this process's unless given.
 */
export function kernelSpec({ node = process.execPath } = {}) {
  return {
    argv: [
      node,
      // Breaking off a busy loop leaves Node's bookkeeping of async hooks unbalanced, which would end the process.
      "--no-force-async-hooks-checks",
      fileURLToPath(new URL("./kernel.js", import.meta.url)),
      "{connection_file}",
    ],
    display_name: "TypeScript (workbook)",
    language: "typescript",
    interrupt_mode: "message" as const,
    metadata: { debugger: false },
  };
}
