/** Programs of this machine. */

import { accessSync, constants } from "node:fs";
import path from "node:path";
import process from "node:process";

const programs = new Map<string, string | undefined>();

/** An executable file of that name in PATH, looked for once: it is asked for at every start. */
export function find(program: string): string | undefined {
  if (!programs.has(program)) programs.set(program, search(program));
  return programs.get(program);
}

function search(program: string): string | undefined {
  for (const folder of (process.env.PATH ?? "").split(path.delimiter)) {
    const file = path.join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}
