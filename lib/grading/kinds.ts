/** What an answer must be: declared once per exercise, checked on every call, worded in one sentence. */

import type * as tf from "@tensorflow/tfjs";
import { AssertionError } from "chai";
import { position } from "../assert-close.js";
import { formatShape } from "../shapes.js";
import { describePlain, Odd, type Plain, type PlainDtype, PlainTensor } from "./values.js";

/** Type of the elements and a legend that gives the rank: `float32 tensor [T, D]`, `float32 tensor []`. */
export type TensorKind = `${PlainDtype} tensor [${string}]`;

/** One value, an array of numbers, or a record of kinds: `{ y: "float32 tensor [T]", steps: "number" }`. */
export type Kind = "number" | "boolean" | "text" | "numbers" | TensorKind | { readonly [key: string]: Kind };

/** The kinds that fit a TypeScript type; a type that can never be judged gives `never`. */
export type KindOf<T> = T extends tf.Tensor
  ? TensorKind
  : T extends number
    ? "number"
    : T extends boolean
      ? "boolean"
      : T extends string
        ? "text"
        : T extends readonly number[]
          ? "numbers"
          : T extends PromiseLike<unknown> | ((...args: never[]) => unknown)
            ? never
            : { readonly [K in keyof T]-?: KindOf<T[K]> };

/** For a sentence: "a float32 tensor [T, D]". */
export function describeKind(kind: Kind): string {
  if (typeof kind !== "string") return `an object with ${Object.keys(kind).join(", ")}`;
  if (kind === "numbers") return "an array of numbers";
  if (kind === "boolean") return "true or false";
  return `${kind.startsWith("int32") ? "an" : "a"} ${kind}`;
}

/**
 * Throws chai's AssertionError, one sentence long, unless `value` is of that kind and free of NaN.
 *
 * @param subject how the sentence starts: "softmax returned", "headWidth is".
 */
export function assertKind(subject: string, value: Plain, kind: Kind): void {
  const expected = `expected ${describeKind(kind)}`;
  const ensureThat = (holds: boolean, what: string, wanted: string) => {
    if (!holds) throw new AssertionError(`${subject} ${what}; ${wanted}`);
  };
  if (subject.endsWith("returned")) {
    ensureThat(value !== undefined, "undefined", `${expected} (is a \`return\` missing?)`);
  }
  const isPromise = value instanceof Odd && value.what === "a Promise";
  ensureThat(!isPromise, "a Promise", `${expected} (write it without \`async\`)`);
  ensureThat(hasKind(value, kind), describePlain(value), expected);
  const bad = numbersIn(value).findIndex(Number.isNaN);
  if (value instanceof PlainTensor) {
    const at = formatShape(position(bad, value.shape));
    ensureThat(bad < 0, `${describePlain(value)} with NaN at ${at}`, "expected no NaN");
  }
  ensureThat(bad < 0, "NaN", expected);
  if (typeof kind === "string") return;
  for (const [key, inner] of Object.entries(kind)) {
    assertKind(`${subject} ${key} =`, (value as Readonly<Record<string, Plain>>)[key], inner);
  }
}

function hasKind(value: Plain, kind: Kind): boolean {
  if (kind === "text") return typeof value === "string";
  if (kind === "number" || kind === "boolean") return typeof value === kind;
  if (kind === "numbers") return Array.isArray(value) && value.every((item) => typeof item === "number");
  if (typeof kind === "string") {
    return value instanceof PlainTensor && kind.startsWith(value.dtype) && value.shape.length === rank(kind);
  }
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  return isRecord && !(value instanceof PlainTensor) && !(value instanceof Odd);
}

function rank(kind: TensorKind): number {
  const legend = kind.slice(kind.indexOf("[") + 1, -1).trim();
  return legend === "" ? 0 : legend.split(/[,\s]+/).length;
}

function numbersIn(value: Plain): ArrayLike<number> & { findIndex(test: (x: number) => boolean): number } {
  if (typeof value === "number") return [value];
  if (value instanceof PlainTensor) return value.data;
  return Array.isArray(value) ? value.filter((item) => typeof item === "number") : [];
}
