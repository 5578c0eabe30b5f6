/** What stands at a path, or in one file's bytes, as the source files that are in it. */

import path from "node:path";
import { root } from "../../root.js";
import { archiveEntries } from "./archive.js";
import { type Pile, readPile } from "./choose.js";
import { describe, type Entry, extensionOf, fileEntry, folderEntries, isSource } from "./entries.js";
import { isRefusal, limits, printable, type Refusal, refusal } from "./submission.js";

/** `isFile` when the path is itself the one source file. */
export type PathPile = Pile & { readonly isFile: boolean };

/** All source files at a path, read. */
export async function pileOf(file: string): Promise<PathPile | Refusal> {
  const shown = show(file);
  const { isFolder } = await describe(file);
  if (!isFolder) {
    const entry = await fileEntry(file, path.basename(file), shown);
    return isRefusal(entry) ? entry : pileOfFile(entry);
  }
  const entries = await folderEntries(file, shown);
  if (isRefusal(entries)) return entries;
  if (entries.some(({ name }) => isSource(name))) return pileOfEntries(entries, shown);
  const zips = entries.filter(({ name }) => extensionOf(name) === ".zip");
  if (zips.length > 1) {
    return refusal(
      "duplicate",
      `${zips.map((zip) => zip.shown).join(" and ")}: expected one zip, got several`,
    );
  }
  return zips.length === 1 ? pileOfFile(zips[0]!) : pileOfEntries(entries, shown);
}

export async function pileOfFile(entry: Entry): Promise<PathPile | Refusal> {
  const { name, shown } = entry;
  if (isSource(name)) {
    const pile = await pileOfEntries([entry], shown);
    return isRefusal(pile) ? pile : { ...pile, isFile: true };
  }
  if (extensionOf(name) !== ".zip") {
    const got =
      extensionOf(name) === "" ? "a file without an extension" : `a ${printable(extensionOf(name))} file`;
    return refusal("wrong type", `${shown}: expected a .ts, .ipynb or .zip file or a folder, got ${got}`);
  }
  const bytes = await entry.read(limits.zip);
  if (isRefusal(bytes)) return bytes;
  const entries = await archiveEntries(bytes, entry);
  return isRefusal(entries) ? entries : pileOfEntries(entries, shown);
}

async function pileOfEntries(entries: readonly Entry[], shown: string): Promise<PathPile | Refusal> {
  const pile = await readPile(entries, shown);
  return isRefusal(pile) ? pile : { ...pile, isFile: false };
}

/** A path as people see it: from the repository's root where it lies inside, else without the folders above. */
function show(file: string): string {
  const absolute = path.resolve(file);
  const relative = path.relative(root, absolute);
  return printable(relative.startsWith("..") ? path.basename(absolute) : relative);
}
