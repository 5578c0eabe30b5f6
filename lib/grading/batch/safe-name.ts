/** Students' names as names of folders. */

import { createHash } from "node:crypto";

const LONGEST = 60;
/** Names that Windows reserves, and those of the batch's own files. */
const taken = /^(?:con|prn|aux|nul|com\d|lpt\d|grades\.csv|timings\.csv|report\.json|junit\.xml)(?:\.|$)/i;

/**
 * A folder for each student: one path segment that every file system takes, different for different students also
 * where case does not count. A name that had to be changed carries a hash of the true one.
 */
export function folderNames(students: Iterable<string>): ReadonlyMap<string, string> {
  const wanted = [...new Set(students)];
  const seen = new Map<string, number>();
  for (const student of wanted) {
    const key = student.normalize("NFC").toLowerCase();
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  return new Map(
    wanted.map((student) => {
      const plain = plainName(student);
      const isAlone = seen.get(student.normalize("NFC").toLowerCase()) === 1;
      const isKept = plain === student && isAlone && !taken.test(student);
      return [student, isKept ? student : `${plain}-${shortHash(student)}`];
    }),
  );
}

function plainName(student: string): string {
  const safe = `${taken.test(student) ? "_" : ""}${student}`
    .normalize("NFC")
    .replace(/[^\p{L}\p{M}\p{N}@+._-]+/gu, "_")
    .replace(/^[.-]+/, "_")
    .replace(/\.+$/, "_");
  let short = "";
  for (const character of safe) {
    if (Buffer.byteLength(short + character) > LONGEST) break;
    short += character;
  }
  return short === "" ? "_" : short;
}

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 10);
}
