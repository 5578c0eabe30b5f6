/** Notices files that change on disk, so that a cell which imports them is checked against what stands there now. */

import { type FSWatcher, readdirSync, watch } from "node:fs";
import path from "node:path";

const sources = /\.([cm]?[jt]sx?|json)$/;
// Large, generated or private: nobody edits there between two cells.
const skipped = /^(\..*|node_modules|dist|build|__pycache__)$/;
/** A notebook in a home folder must not cost thousands of watches. */
const mostFolders = 400;

/** Watches the project that `cwd` belongs to: the folder of the nearest package.json or tsconfig.json, and below. */
export function watchFolder(cwd: string): { changed(): string[]; close(): void } {
  const changed = new Set<string>();
  const watchers: FSWatcher[] = [];
  const waiting = [projectFolder(cwd)];
  for (let folder = waiting.shift(); folder !== undefined; folder = waiting.shift()) {
    const here = folder;
    if (watchers.length >= mostFolders) break;
    try {
      const watcher = watch(here, { persistent: false }, (_, name) => {
        if (name !== null && sources.test(name)) changed.add(path.join(here, name));
      });
      watcher.on("error", () => {});
      watchers.push(watcher);
      for (const entry of readdirSync(here, { withFileTypes: true })) {
        if (entry.isDirectory() && !skipped.test(entry.name)) waiting.push(path.join(here, entry.name));
      }
    } catch {
      // Gone, not readable, or no watches left: its changes go unnoticed.
    }
  }
  return {
    changed() {
      const files = [...changed];
      changed.clear();
      return files;
    },
    close() {
      for (const watcher of watchers) watcher.close();
    },
  };
}

function projectFolder(start: string): string {
  for (let folder = start; ; folder = path.dirname(folder)) {
    const names = folderNames(folder);
    if (names.includes("package.json") || names.includes("tsconfig.json")) return folder;
    if (path.dirname(folder) === folder) return start;
  }
}

function folderNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
