/** The files in a zip, which is never unpacked to disk. */

import { crc32 } from "node:zlib";
import { fromBufferPromise, type Entry as ZipEntry, type ZipFile } from "yauzl";
import { type Entry, isJunk, isSource, tooLarge } from "./entries.js";
import { limits, megabytes, printable, type Refusal, refusal } from "./submission.js";

/** @param zip the file that the bytes are from. */
export async function archiveEntries(bytes: Buffer, zip: Entry): Promise<readonly Entry[] | Refusal> {
  const { shown } = zip;
  if (bytes.length === 0) return refusal("archive", `${shown}: the file is empty`);
  const found: Entry[] = [];
  const names = new Set<string>();
  let unpacked = 0;
  let count = 0;
  try {
    // Names that are absolute, lead upwards or hold a colon are refused by the library itself.
    const file = await fromBufferPromise(bytes, { lazyEntries: true, autoClose: false });
    for await (const entry of file.eachEntry()) {
      const name = entry.fileName;
      unpacked += entry.uncompressedSize;
      if (++count > limits.files) {
        return refusal("archive", `${shown}: expected at most ${limits.files} files, got more; ${remedy}`);
      }
      if (unpacked > limits.unpacked) {
        const most = megabytes(limits.unpacked);
        return refusal("archive", `${shown}: would unpack to more than ${most}; ${remedy}`);
      }
      if (name.endsWith("/") || isJunk(name)) continue;
      if (isSource(name) && isLink(entry)) {
        return refusal("archive", `${shown}: ${printable(name)} is a symbolic link, which is not followed`);
      }
      if (isSource(name) && names.has(name)) {
        return refusal("archive", `${shown}: holds ${printable(name)} twice`);
      }
      names.add(name);
      const inside = `${shown}: ${printable(name)}`;
      const read = (limit: number) => readEntry(file, entry, inside, limit);
      found.push({ name, shown: inside, path: zip.path, modified: zip.modified, read });
    }
    return found;
  } catch (error) {
    return refusal("archive", `${shown}: ${explain(error)}`);
  }
}

const remedy = "hand in the answers only";

async function readEntry(
  file: ZipFile,
  entry: ZipEntry,
  shown: string,
  limit: number,
): Promise<Buffer | Refusal> {
  if (entry.isEncrypted()) return refusal("archive", `${shown}: is encrypted; zip it without a password`);
  if (entry.uncompressedSize > limit) return tooLarge(shown, entry.uncompressedSize, limit);
  try {
    const stream = await file.openReadStreamPromise(entry);
    const chunks: Buffer[] = [];
    // The library ends the stream with an error when more comes than was promised.
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    if (crc32(bytes) !== entry.crc32) {
      return refusal("archive", `${shown}: is damaged (its checksum does not fit); ${again}`);
    }
    return bytes;
  } catch (error) {
    return refusal("archive", `${shown}: ${explain(error)}`);
  }
}

const again = "zip and hand it in again";

function isLink(entry: ZipEntry): boolean {
  const kind = (entry.externalFileAttributes >>> 16) & 0o170000;
  return kind === 0o120000;
}

/** The library's words, as a sentence for somebody who has not made the zip. */
function explain(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const [, name] = /^(?:invalid relative path|absolute path): (.*)$/s.exec(text) ?? [];
  if (name !== undefined) return `a name in it leads outside of it: ${printable(name)}`;
  if (/unsupported compression method/.test(text))
    return `uses a compression that is not zip's own; ${again}`;
  if (/end of central directory record signature not found/i.test(text)) {
    return `expected a zip, got something else or a part of one; ${again}`;
  }
  return `cannot be unpacked (${printable(text)}); ${again}`;
}
