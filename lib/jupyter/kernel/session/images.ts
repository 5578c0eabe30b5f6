/** Images as bytes, known by their signatures. */

import type { MimeBundle } from "../../../display.js";

const signatures: readonly (readonly [type: string, signature: readonly number[]])[] = [
  ["image/png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["image/jpeg", [0xff, 0xd8, 0xff]],
  ["image/gif", [0x47, 0x49, 0x46, 0x38]],
];

/** The image with its bytes in base64, or undefined for other bytes. */
export function imageBundle(bytes: Uint8Array, text: string): MimeBundle | undefined {
  const found = signatures.find(([, signature]) => signature.every((byte, i) => bytes[i] === byte));
  if (found === undefined) return undefined;
  return { "text/plain": text, [found[0]]: Buffer.from(bytes).toString("base64") };
}
