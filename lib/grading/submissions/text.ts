/** Bytes as text: strictly UTF-8, with one sentence for whatever else people's editors write. */

import { isUtf8 } from "node:buffer";
import { type Refusal, refusal } from "./submission.js";

/** The text without a byte order mark, every line ended by \n. @param shown names the file in a refusal. */
export function decodeText(bytes: Buffer, shown: string): string | Refusal {
  const wide = wideEncoding(bytes);
  if (wide !== undefined) return refusal("not UTF-8", `${shown}: expected UTF-8, got ${wide}; ${remedy}`);
  if (!isUtf8(bytes)) {
    const line = firstBadLine(bytes);
    const what = bytes.includes(0)
      ? "expected text, got a binary file"
      : `line ${line} is not UTF-8; ${remedy}`;
    return refusal(bytes.includes(0) ? "wrong type" : "not UTF-8", `${shown}: ${what}`);
  }
  if (bytes.includes(0)) return refusal("wrong type", `${shown}: expected text, got a binary file`);
  const text = bytes.toString("utf8").replace(/^\uFEFF/, "");
  return text.replace(/\r\n?/g, "\n");
}

const remedy = "save it again with the encoding UTF-8";

/** UTF-16 and UTF-32 by their marks; UTF-16 without one by the zero in every second byte of plain letters. */
function wideEncoding(bytes: Buffer): string | undefined {
  const mark = bytes.subarray(0, 4).toString("hex");
  if (mark === "fffe0000" || mark === "0000feff") return "UTF-32";
  if (mark.startsWith("fffe") || mark.startsWith("feff")) return "UTF-16";
  const sample = bytes.subarray(0, 1024);
  if (sample.length < 8) return undefined;
  const zeros = [0, 0];
  for (const [i, byte] of sample.entries()) if (byte === 0) zeros[i % 2]!++;
  const most = sample.length / 2;
  const [some, few] = [Math.max(...zeros), Math.min(...zeros)];
  return some > 0.7 * most && few < 0.1 * most ? "UTF-16" : undefined;
}

function firstBadLine(bytes: Buffer): number {
  let start = 0;
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(10, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
}
