/** Files of one student, wherever they lie: on disk or in a zip. Read only when wanted, and never beyond a limit. */

import { constants } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import path from "node:path";
import { limits, megabytes, printable, type Refusal, refusal } from "./submission.js";

export interface Entry {
  /** Path below the student's folder or inside of the zip, with slashes. */
  readonly name: string;
  /** Shown to people: "alice/transformer.ts", "alice.zip: transformer.ts". */
  readonly shown: string;
  /** The file on disk: the entry itself, or the zip that it lies in. */
  readonly path: string;
  readonly modified: Date;
  /** At most `limit` bytes. */
  readonly read: (limit: number) => Promise<Buffer | Refusal>;
}

/** In lower case with its dot: ".ts", ".d.ts", ".tar.gz" count as a whole where that tells more. */
export function extensionOf(name: string): string {
  const base = path.posix.basename(name).toLowerCase();
  return /\.(d\.[cm]?ts|tar\.[a-z0-9]+)$/.exec(base)?.[0] ?? path.posix.extname(base);
}

export function isSource(name: string): boolean {
  return [".ts", ".ipynb"].includes(extensionOf(name));
}

/** Hidden files, and what operating systems and package managers leave behind. */
export function isJunk(name: string): boolean {
  return name.split("/").some((part) => /^(\..*|__MACOSX|node_modules|Thumbs\.db|desktop\.ini)$/i.test(part));
}

export async function fileEntry(file: string, name: string, shown: string): Promise<Entry | Refusal> {
  const { isFile, modified, what } = await describe(file);
  if (what === undefined) {
    const isMangled = file.includes("\uFFFD");
    const why = isMangled ? "its name is not UTF-8; rename it" : "there is no such file";
    return refusal("missing", `${shown}: ${why}`);
  }
  if (!isFile) return refusal("wrong type", `${shown}: expected a file or a folder, got ${what}`);
  return { name, shown, path: file, modified, read: (limit) => readFile(file, shown, limit) };
}

/** Files below a folder in the order of their names; links are not followed, what cannot be listed is left out. */
export async function folderEntries(folder: string, shown: string): Promise<readonly Entry[] | Refusal> {
  const found: Entry[] = [];
  const waiting = [""];
  for (let below = waiting.shift(); below !== undefined; below = waiting.shift()) {
    let children: Awaited<ReturnType<typeof list>>;
    try {
      children = await list(path.join(folder, below));
    } catch (error) {
      if (below !== "") continue;
      return refusal("missing", `${shown}: the folder cannot be read (${codeOf(error)})`);
    }
    for (const child of children) {
      const name = path.posix.join(below, child.name);
      if (isJunk(child.name)) continue;
      if (child.isDirectory()) waiting.push(name);
      if (!child.isFile()) continue;
      const entry = await fileEntry(path.join(folder, name), name, `${shown}/${printable(name)}`);
      found.push("read" in entry ? entry : unreadable(name, entry));
    }
    if (found.length + waiting.length > limits.files) {
      return refusal("too large", `${shown}: expected at most ${limits.files} files, got more`);
    }
  }
  return found;
}

/** Listed, but not there when it was looked at: said when it is wanted. */
function unreadable(name: string, why: Refusal): Entry {
  return { name, shown: printable(name), path: "", modified: new Date(0), read: async () => why };
}

async function list(folder: string) {
  const children = await readdir(folder, { withFileTypes: true });
  return children.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What stands at a path, a link itself rather than what it points to. */
export async function describe(
  file: string,
): Promise<{ isFile: boolean; isFolder: boolean; modified: Date; what: string | undefined }> {
  try {
    const stats = await lstat(file);
    const what = stats.isFile()
      ? "a file"
      : stats.isDirectory()
        ? "a folder"
        : stats.isSymbolicLink()
          ? "a symbolic link, which is not followed"
          : "a device or a pipe";
    return { isFile: stats.isFile(), isFolder: stats.isDirectory(), modified: stats.mtime, what };
  } catch {
    return { isFile: false, isFolder: false, modified: new Date(0), what: undefined };
  }
}

/** The file's bytes: it may have been exchanged since it was listed, for a link, a pipe or something larger. */
async function readFile(file: string, shown: string, limit: number): Promise<Buffer | Refusal> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { size } = await handle.stat();
      if (size > limit) return tooLarge(shown, size, limit);
      const buffer = Buffer.alloc(size);
      const { bytesRead } = await handle.read(buffer, 0, size, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    return refusal("missing", `${shown}: the file cannot be read (${codeOf(error)})`);
  }
}

export function tooLarge(shown: string, size: number, limit: number): Refusal {
  const [most, got] = [megabytes(limit), megabytes(size)];
  return refusal(
    "too large",
    `${shown}: expected at most ${most}, got ${got === most ? "a little more" : got}`,
  );
}

function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  return code === "ENOENT" ? "it is gone" : (code ?? message);
}
