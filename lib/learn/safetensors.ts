/**
 * The safetensors format: eight bytes of header length, a JSON header, then every tensor's bytes, all little-endian.
 *
 * https://github.com/huggingface/safetensors, "Format". PyTorch, JAX and numpy read these files too.
 */

import { Buffer } from "node:buffer";
import * as tf from "@tensorflow/tfjs";
import { ensure } from "../shapes.js";
import type { Tensors } from "./mixer.js";

export interface TensorFile {
  readonly tensors: Record<string, tf.Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [start: number, end: number];
}

/** The tfjs dtypes whose values are kept as they are, bit by bit. */
const formats = { float32: "F32", int32: "I32" } as const;

/** The bytes of a file with these tensors (float32 or int32) and strings. */
export function encodeTensors({
  tensors,
  metadata = {},
}: {
  tensors: Tensors;
  metadata?: TensorFile["metadata"];
}): Buffer {
  const header: Record<string, unknown> = { __metadata__: metadata };
  const parts: Buffer[] = [];
  let offset = 0;
  for (const [name, tensor] of Object.entries(tensors)) {
    const dtype = tensor.dtype === "float32" || tensor.dtype === "int32" ? formats[tensor.dtype] : undefined;
    ensure(
      dtype !== undefined,
      `encodeTensors: expected ${name} to be float32 or int32, got ${tensor.dtype}`,
    );
    const values = tensor.dataSync();
    const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    header[name] = {
      dtype,
      shape: tensor.shape,
      data_offsets: [offset, offset + bytes.length],
    } satisfies Entry;
    offset += bytes.length;
    parts.push(bytes);
  }
  const json = Buffer.from(JSON.stringify(header));
  // Blanks up to a multiple of eight: readers that map the file want aligned tensors.
  const padded = Buffer.concat([json, Buffer.alloc(-json.length & 7, " ")]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, ...parts]);
}

/**
 * The tensors and strings in a file's bytes; the caller disposes the tensors.
 *
 * @throws RangeError saying what is wrong with a file that is foreign, truncated or inconsistent.
 */
export function decodeTensors(bytes: Buffer): TensorFile {
  const { entries, metadata, data } = readHeader(bytes);
  let end = 0;
  for (const [name, { dtype, shape, data_offsets }] of entries) {
    const size = shape.reduce((a, b) => a * b, 1);
    ensure(dtype === "F32" || dtype === "I32", `expected ${name} as F32 or I32, got ${dtype}`);
    ensure(
      data_offsets[0] >= 0 && data_offsets[1] - data_offsets[0] === 4 * size,
      `expected ${name} of shape [${shape.join(", ")}] in ${4 * size} bytes, got ${data_offsets[1] - data_offsets[0]}`,
    );
    end = Math.max(end, data_offsets[1]);
  }
  ensure(data.length === end, `expected ${end} bytes of tensors, got ${data.length}: the file is damaged`);
  const tensors = entries.map(([name, { dtype, shape, data_offsets }]) => {
    // Copied, since a typed array wants its bytes aligned.
    const own = Uint8Array.from(data.subarray(...data_offsets)).buffer;
    const tensor =
      dtype === "F32"
        ? tf.tensor(new Float32Array(own), [...shape], "float32")
        : tf.tensor(new Int32Array(own), [...shape], "int32");
    return [name, tensor] as const;
  });
  return { tensors: Object.fromEntries(tensors), metadata };
}

function readHeader(bytes: Buffer): {
  entries: ReadonlyArray<readonly [string, Entry]>;
  metadata: Record<string, string>;
  data: Buffer;
} {
  const foreign = "expected a safetensors file";
  ensure(bytes.length >= 8, `${foreign}, got ${bytes.length} bytes`);
  const length = bytes.readBigUInt64LE();
  ensure(
    length <= BigInt(bytes.length - 8),
    `${foreign} with a header of ${length} bytes, got ${bytes.length - 8} bytes after its length: it is truncated, or something else`,
  );
  const header = parse(bytes.toString("utf8", 8, 8 + Number(length)));
  ensure(header !== undefined, `${foreign}, got a header that is no JSON object`);
  const { __metadata__: metadata = {}, ...entries } = header;
  for (const [name, entry] of Object.entries(entries)) {
    ensure(isEntry(entry), `${foreign}, got no dtype, shape and data_offsets for ${name}`);
  }
  return {
    entries: Object.entries(entries) as [string, Entry][],
    metadata: metadata as Record<string, string>,
    data: bytes.subarray(8 + Number(length)),
  };
}

function parse(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function isEntry(value: unknown): value is Entry {
  const { dtype, shape, data_offsets } = (value ?? {}) as Partial<Entry>;
  const sizes = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((n) => Number.isInteger(n) && n >= 0);
  return typeof dtype === "string" && sizes(shape) && sizes(data_offsets) && data_offsets.length === 2;
}
