/** Finds the workbook's own folder, whatever the working directory is. */

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Absolute path of the repository's root: the nearest folder above this file that holds the workbook's package.json. */
export const root: string = findRoot(path.dirname(fileURLToPath(import.meta.url)));

function findRoot(start: string): string {
  for (let folder = start; ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, "package.json");
    if (
      existsSync(manifest) &&
      readFileSync(manifest, "utf8").includes('"efficient-transformers-workbook"')
    ) {
      return folder;
    }
    if (path.dirname(folder) === folder) throw new Error(`root: no workbook above ${start}`);
  }
}
