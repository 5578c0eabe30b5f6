/** Tensors at a glance: shape, type, statistics and a preview. Known by what they can do, not by their class. */

import { inspect } from "node:util";
import type { MimeBundle } from "../../../display.js";
import { escapeHtml } from "../../../html.js";
import { formatShape } from "../../../shapes.js";
import { numberFormat, short } from "./numbers.js";

interface TensorLike {
  readonly shape: readonly number[];
  readonly dtype: string;
  dataSync(): ArrayLike<number | boolean | string>;
  readonly isDisposed?: boolean;
}

/** Elements shown along an axis, at each of its ends; and rows in all, for which outer axes show only their first. */
const edge = 3;
const maxRows = 16;
const digits = 4;

export function isTensor(value: object): value is TensorLike {
  const { shape, dtype, dataSync } = value as Partial<TensorLike>;
  return Array.isArray(shape) && typeof dtype === "string" && typeof dataSync === "function";
}

export function tensorBundle(tensor: TensorLike): MimeBundle {
  const seen = describe(tensor);
  if (tensor.isDisposed) return { "text/plain": seen.title };
  const about = seen.about && ` · ${escapeHtml(seen.about)}`;
  const preview = `<pre style="font-size: var(--jp-code-font-size)">${escapeHtml(seen.preview)}</pre>`;
  const html = `<div><b>${escapeHtml(seen.title)}</b>${about}${preview}</div>`;
  return { "text/plain": textOf(seen), "text/html": html };
}

/** What is seen of a tensor: `Tensor [2, 3] float32`, its statistics and its elements. */
interface Glance {
  readonly title: string;
  readonly about: string;
  readonly preview: string;
}

function describe(tensor: TensorLike): Glance {
  const title = titleOf(tensor);
  if (tensor.isDisposed) return { title, about: "", preview: "" };
  const data = tensor.dataSync();
  const preview = tensor.dtype === "complex64" ? "" : previewOf(data, tensor);
  return { title, about: statistics(tensor.dtype, data), preview };
}

function textOf({ title, about, preview }: Glance): string {
  return [about === "" ? title : `${title} · ${about}`, preview].filter((part) => part !== "").join("\n");
}

function titleOf({ shape, dtype, isDisposed }: TensorLike): string {
  return `Tensor ${formatShape(shape)} ${dtype}${isDisposed ? " (disposed)" : ""}`;
}

/**
 * After a module that exports the class `Tensor` was loaded: Node's `inspect`, and so `console.log`, shows tensors in
 * full where one is the value itself, and with shape and type inside of others.
 */
export function inspectTensorsOf(namespace: object): void {
  const prototype: unknown = (namespace as { Tensor?: { prototype?: unknown } }).Tensor?.prototype;
  if (typeof prototype !== "object" || prototype === null || inspect.custom in prototype) return;
  const value = function (this: object, depth: number, { depth: most }: { depth?: number | null }) {
    if (!isTensor(this)) return this;
    return most == null || depth === most ? textOf(describe(this)) : `<${titleOf(this)}>`;
  };
  Object.defineProperty(prototype, inspect.custom, { value, configurable: true, writable: true });
}

function statistics(dtype: string, data: ArrayLike<number | boolean | string>): string {
  if (data.length < 2 || !/^(float32|float16|int32)$/.test(dtype)) return "";
  let [min, max, sum, odd] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (let i = 0; i < data.length; i++) {
    const x = data[i] as number;
    if (!Number.isFinite(x)) odd++;
    if (x < min) min = x;
    if (x > max) max = x;
    sum += x;
  }
  const figures =
    odd === data.length
      ? ""
      : `min ${short(min, digits)}, mean ${short(sum / data.length, digits)}, max ${short(max, digits)}`;
  return [figures, odd > 0 ? `${odd} not finite` : ""].filter((part) => part !== "").join(", ");
}

/** Nested brackets, the numbers of a matrix under each other; `…` stands for what is left out. */
function previewOf(
  data: ArrayLike<number | boolean | string>,
  { shape, dtype }: Pick<TensorLike, "shape" | "dtype">,
): string {
  if (data.length === 0) return "[]";
  const indices = shownIndices(shape);
  const offsets = indices.reduce<number[]>(
    (all, along, axis) => all.flatMap((offset) => along.map((i) => offset * shape[axis]! + i)),
    [0],
  );
  const texts = elementTexts(
    offsets.map((offset) => data[offset]),
    dtype,
  );
  const width = shape.length > 1 ? Math.max(...texts.map((text) => text.length)) : 0;
  const waiting = texts.map((text) => text.padStart(width)).values();
  const show = (axis: number): string => {
    if (axis === shape.length) return waiting.next().value!;
    const parts = indices[axis]!.map(() => show(axis + 1));
    if (parts.length < shape[axis]!) parts.splice(parts.length === 1 ? 1 : edge, 0, "…");
    // A single `…` after the first of an outer axis needs no line of its own.
    const apart = axis === shape.length - 1 || indices[axis]!.length === 1;
    return `[${parts.join(apart ? ", " : `,\n${" ".repeat(axis + 1)}`)}]`;
  };
  return show(0);
}

/** For each axis the indices that are shown. */
function shownIndices(shape: readonly number[]): number[][] {
  const indices = shape.map((size) =>
    Array.from({ length: Math.min(size, 2 * edge) }, (_, i) =>
      size > 2 * edge && i >= edge ? size - 2 * edge + i : i,
    ),
  );
  const rows = () => indices.slice(0, -1).reduce((product, { length }) => product * length, 1);
  for (let axis = 0; axis < shape.length - 2 && rows() > maxRows; axis++) indices[axis] = [0];
  return indices;
}

function elementTexts(elements: readonly unknown[], dtype: string): string[] {
  if (dtype === "bool") return elements.map((element) => String(Boolean(element)));
  const format = numberFormat(
    elements.filter((element) => typeof element === "number"),
    digits,
  );
  return elements.map((element) => (typeof element === "number" ? format(element) : JSON.stringify(element)));
}
