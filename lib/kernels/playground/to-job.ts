/** What a caller gives, tensors among it, as a job of plain numbers. */

import * as tf from "@tensorflow/tfjs";
import { ensure, formatShape } from "../../shapes.js";
import type { Job, Numbers, Workgroups } from "./job.js";

export interface LaunchOptions {
  /**
   * The kernel; its entry point is `main`. Bindings of group 0, in order: the inputs (`var<storage, read>`), the output
   * (`var<storage, read_write>`), and where there are `sizes` one `var<uniform>` struct of u32.
   */
  readonly wgsl: string;
  /** Tensors (float32, or int32 and bool, which arrive as i32) or numbers. */
  readonly inputs: readonly (tf.Tensor | Numbers)[];
  /** Shape of the result, float32. */
  readonly output: readonly number[];
  /** Workgroups along x, y, z. */
  readonly workgroups: Workgroups;
  /** Values of the `override` constants. */
  readonly constants?: Readonly<Record<string, number | boolean>>;
  /** The u32 numbers of the uniform struct, in its order. */
  readonly sizes?: readonly number[];
}

/** @throws RangeError that says, in the name of `caller`, which argument is wrong. */
export async function toJob(caller: string, options: LaunchOptions): Promise<Job> {
  const { wgsl, inputs, output, workgroups, constants, sizes } = options;
  ensure(typeof wgsl === "string", `${caller}: expected wgsl to be a text, got ${typeof wgsl}`);
  const counts = (values: readonly number[], least: number) =>
    values.every((value) => Number.isInteger(value) && value >= least && value < 2 ** 32);
  ensure(counts(output, 1), `${caller}: expected output to be a shape, got ${formatShape(output)}`);
  const along = [...workgroups] as number[];
  ensure(
    along.length >= 1 && along.length <= 3 && counts(along, 1),
    `${caller}: expected workgroups to be one to three whole numbers from 1, got ${formatShape(along)}`,
  );
  ensure(
    sizes === undefined || (sizes.length > 0 && counts(sizes, 0)),
    `${caller}: expected sizes to be whole numbers from 0 (u32), got ${formatShape(sizes ?? [])}`,
  );
  const numbers = await Promise.all(inputs.map((input, i) => numbersOf(caller, input, i)));
  const words = output.reduce((product, size) => product * size, 1);
  return { wgsl, inputs: numbers, output: words, workgroups, constants, sizes };
}

async function numbersOf(caller: string, input: tf.Tensor | Numbers, i: number): Promise<Numbers> {
  if (input instanceof tf.Tensor) {
    const fine = input.dtype === "float32" || input.dtype === "int32" || input.dtype === "bool";
    ensure(fine, `${caller}: expected input ${i} to be float32, int32 or bool, got ${input.dtype}`);
    const data = await input.data();
    return data instanceof Uint8Array ? Int32Array.from(data) : data;
  }
  const fine = input instanceof Float32Array || input instanceof Int32Array || input instanceof Uint32Array;
  const got = Object.prototype.toString.call(input).slice(8, -1);
  ensure(
    fine,
    `${caller}: expected input ${i} to be a tensor, Float32Array, Int32Array or Uint32Array, got ${got}`,
  );
  return input;
}
