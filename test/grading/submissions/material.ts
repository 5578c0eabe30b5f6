/** Things that people hand in, made by hand: notebooks, and zips that no honest tool would write. */

import { crc32, deflateRawSync } from "node:zlib";
import { readBytes } from "workbook/grading/submissions/read";
import { isRefusal, type Refusal, type Submission } from "workbook/grading/submissions/submission";

/** Right answers to the lesson "start-here". */
export const answers = `import * as tf from "@tensorflow/tfjs";

export function softmax(scores: tf.Tensor2D): tf.Tensor2D {
  return tf.softmax(scores);
}

export function causalPairs(T: number): number {
  return (T * (T + 1)) / 2;
}
`;

export interface CellLike {
  readonly source: string;
  readonly count?: number | null;
  readonly type?: string;
}

/** A notebook's file; strings are code cells, numbered as if run once from top to bottom. */
export function notebookFile(
  cells: readonly (string | CellLike)[],
  metadata: object = { kernelspec: { name: "workbook", language: "typescript" } },
): string {
  const made = cells.map((cell, i) => {
    const { source, count = i + 1, type = "code" } = typeof cell === "string" ? { source: cell } : cell;
    const code = type === "code" ? { outputs: [], execution_count: count } : {};
    return { cell_type: type, id: `cell-${i}`, metadata: {}, source, ...code };
  });
  return JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata, cells: made });
}

export interface ZipFile {
  readonly name: string;
  readonly content: string | Buffer;
  readonly encrypted?: boolean;
  readonly link?: boolean;
  /** Claimed instead of the true ones. */
  readonly size?: number;
  readonly crc?: number;
  readonly method?: number;
}

/** Writes a zip without checking anything: names that lead outside, false sizes, links. */
export function zipFile(files: readonly ZipFile[]): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const file of files) {
    const content = Buffer.from(file.content);
    const name = Buffer.from(file.name);
    const { size = content.length, crc = crc32(content), method = 8 } = file;
    const data = method === 8 ? deflateRawSync(content) : content;
    const flags = 0x800 | (file.encrypted ? 1 : 0);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(crc, 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(size, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, name, data]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(((file.link ? 0o120777 : 0o100644) << 16) >>> 0, 6);
    rest.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x03"), common, rest, name]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

/** What reading a file of that name gives: the submission, or a failed test. */
export async function accepted(name: string, content: string | Buffer, slug?: string): Promise<Submission> {
  const result = await readBytes(name, Buffer.from(content), slug === undefined ? {} : { slug });
  if (isRefusal(result)) throw new Error(`${name} was refused: ${result.message}`);
  return result;
}

/** `reason: message` of a refusal; "accepted" where there is none. */
export async function refused(name: string, content: string | Buffer, slug?: string): Promise<string> {
  return told(await readBytes(name, Buffer.from(content), slug === undefined ? {} : { slug }));
}

export function told(result: Submission | Refusal): string {
  return isRefusal(result) ? `${result.reason}: ${result.message}` : "accepted";
}
