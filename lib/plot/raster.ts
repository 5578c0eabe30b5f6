/** A matrix as a PNG of one pixel per cell: large heatmaps would otherwise be megabytes of rectangles. */

import { deflateSync } from "node:zlib";
import type { CheckedMatrix } from "./check.js";
import { rgb } from "./style.js";

/** `data:image/png;base64,…`, the colours of `colours` spread evenly over `domain`; values outside are clamped. */
export function rasterUrl(
  { rows, columns, data }: CheckedMatrix,
  [low, high]: readonly [number, number],
  colours: readonly string[],
): string {
  // A palette of 256 colours, and one byte for each pixel after a zero byte for each row ("no filter").
  const palette = Buffer.from(Array.from({ length: 256 }, (_, i) => mix(colours, i / 255)).flat());
  const pixels = Buffer.alloc(rows * (columns + 1));
  data.forEach((value, i) => {
    const share = Math.min(1, Math.max(0, (value - low) / (high - low)));
    pixels[Math.floor(i / columns) * (columns + 1) + 1 + (i % columns)] = Math.round(255 * share);
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(columns, 0);
  header.writeUInt32BE(rows, 4);
  header.set([8, 3], 8); // eight bits to a pixel, by palette
  const png = Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("PLTE", palette),
    chunk("IDAT", deflateSync(pixels)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
  return `data:image/png;base64,${png.toString("base64")}`;
}

/** The colour at `share` (0 to 1) of an evenly spread scale, as red, green and blue. */
export function mix(colours: readonly string[], share: number): [number, number, number] {
  const at = share * (colours.length - 1);
  const below = Math.min(Math.floor(at), colours.length - 2);
  const [from, to] = [rgb(colours[below]!), rgb(colours[below + 1]!)];
  const between = (i: 0 | 1 | 2) => Math.round(from[i] + (at - below) * (to[i] - from[i]));
  return [between(0), between(1), between(2)];
}

/** Length, name, content and checksum of name and content, as PNG has it (RFC 2083, section 3.2). */
function chunk(name: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, "latin1"), content]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** CRC-32 of IEEE 802.3; Node's own came with 22.2. */
function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}
