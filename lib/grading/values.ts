/**
 * What crosses between an answer and its judge: plain values only, copied both ways. Whatever cannot be copied
 * (a Promise, a function, a disposed tensor) becomes an `Odd` that says what it was.
 */

import * as tf from "@tensorflow/tfjs";
import { formatShape } from "../shapes.js";
import { line } from "./line.js";

export type PlainDtype = "float32" | "int32" | "bool";

/** A tensor's numbers, away from every backend. */
export class PlainTensor {
  readonly shape: readonly number[];
  readonly dtype: PlainDtype;
  readonly data: Float32Array | Int32Array | Uint8Array;

  constructor(shape: readonly number[], dtype: PlainDtype, data: Float32Array | Int32Array | Uint8Array) {
    this.shape = shape;
    this.dtype = dtype;
    this.data = data;
  }
}

/** Something that is no plain value; `what` completes the sentence "it returned ...". */
export class Odd {
  readonly what: string;

  constructor(what: string) {
    this.what = what;
  }
}

export type Plain =
  | undefined
  | null
  | number
  | string
  | boolean
  | PlainTensor
  | Odd
  | readonly Plain[]
  | { readonly [key: string]: Plain };

/** Deeper than any answer or argument, and a stop for an object that holds itself. */
const DEEPEST = 8;

/** Copies a value out: no tensor, getter or prototype of the original survives. */
export function toPlain(value: unknown, depth = 0): Plain {
  if (depth > DEEPEST) return new Odd("an object nested too deeply");
  if (value === undefined || value === null) return value;
  if (typeof value === "number" || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "function") return new Odd("a function");
  if (typeof value !== "object") return new Odd(`a ${typeof value}`);
  if (value instanceof tf.Tensor) return tensorToPlain(value);
  if (isThenable(value)) return new Odd("a Promise");
  if (Array.isArray(value)) return value.map((item) => toPlain(item, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    return new Odd(`an object of type ${value.constructor?.name ?? "unknown"}`);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toPlain(item, depth + 1)]));
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

function tensorToPlain(tensor: tf.Tensor): PlainTensor | Odd {
  if (tensor.isDisposed) return new Odd("a tensor that is already disposed");
  const { dtype } = tensor;
  if (dtype !== "float32" && dtype !== "int32" && dtype !== "bool") return new Odd(`a ${dtype} tensor`);
  // The cpu backend hands out its own array, and after a cast one of the old type: copy it, as what the tensor is.
  const Data = { float32: Float32Array, int32: Int32Array, bool: Uint8Array }[dtype];
  return new PlainTensor([...tensor.shape], dtype, new Data(tensor.dataSync()));
}

/** Copies a value in: tensors come alive on the current backend, in the current scope. */
export function fromPlain(plain: Plain): unknown {
  if (plain instanceof PlainTensor) {
    return tf.tensor(plain.data.slice(), [...plain.shape], plain.dtype);
  }
  if (plain instanceof Odd) throw new TypeError(`expected a plain value, got ${plain.what}`);
  if (Array.isArray(plain)) return plain.map(fromPlain);
  if (typeof plain === "object" && plain !== null) {
    return Object.fromEntries(Object.entries(plain).map(([key, item]) => [key, fromPlain(item)]));
  }
  return plain;
}

/** Every tensor inside a value, for scopes and for finding disposed ones. */
export function tensorsIn(value: unknown): tf.Tensor[] {
  if (value instanceof tf.Tensor) return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(tensorsIn);
}

/** A few words for a sentence: "the number 3", "a float32 tensor of shape [2, 3]". */
export function describePlain(plain: Plain): string {
  if (plain instanceof Odd) return line(plain.what);
  if (plain instanceof PlainTensor)
    return `${plain.dtype === "int32" ? "an" : "a"} ${plain.dtype} tensor of shape ${formatShape(plain.shape)}`;
  if (Array.isArray(plain)) return `an array of ${plain.length}`;
  if (typeof plain === "object" && plain !== null) {
    const keys = Object.keys(plain);
    return keys.length === 0 ? "an empty object" : line(`an object with ${keys.join(", ")}`);
  }
  if (typeof plain === "number") return Number.isNaN(plain) ? "NaN" : `the number ${plain}`;
  if (typeof plain === "string") return line(`the text ${JSON.stringify(plain)}`);
  return String(plain);
}
