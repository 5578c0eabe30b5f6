/** What a killed batch leaves behind: one whole file for each finished submission, found again by its fingerprint. */

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import process from "node:process";
import type { Judgement } from "./outcome.js";

/** Name of a file that is still being written; a kill leaves it in the journal, and `openJournal` removes it. */
export const unfinished = ".unfinished-";

export interface Journal {
  /** What was found out about the submission of that fingerprint, by this batch or an earlier one. */
  read(fingerprint: string): Judgement | undefined;
  /** Returns when it is safe on the disk. */
  write(fingerprint: string, judgement: Judgement): void;
}

/** @param folder made when it is not there; nobody else may have it open. */
export function openJournal(folder: string): Journal {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    if (name.startsWith(unfinished)) rmSync(path.join(folder, name), { force: true });
  }
  const fileOf = (fingerprint: string) => path.join(folder, `${fingerprint}.json`);
  return {
    read(fingerprint) {
      try {
        return JSON.parse(readFileSync(fileOf(fingerprint), "utf8")) as Judgement;
      } catch {
        // Not there, or damaged by something else than us: then it is graded again.
        return undefined;
      }
    },
    write(fingerprint, judgement) {
      writeWhole(fileOf(fingerprint), `${JSON.stringify(judgement)}\n`);
    },
  };
}

/** Whoever reads the file sees the old content or the new, never half, also after the power failed. */
function writeWhole(file: string, content: string): void {
  const folder = path.dirname(file);
  const temporary = path.join(folder, `${unfinished}${process.pid}`);
  const handle = openSync(temporary, "w");
  try {
    writeFileSync(handle, content);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, file);
  syncFolder(folder);
}

function syncFolder(folder: string): void {
  // Windows knows no handles of folders.
  if (process.platform === "win32") return;
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
