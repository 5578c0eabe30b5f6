/** Tensors at a glance: shape, type, statistics and a preview. Known by what they can do, not by their class. */

import type { MimeBundle } from "../../../display.js";
import { escapeHtml } from "../../../html.js";
import { formatShape } from "../../../shapes.js";

interface TensorLike {
  readonly shape: readonly number[];
  readonly dtype: string;
  dataSync(): ArrayLike<number | boolean | string>;
  readonly isDisposed?: boolean;
}

/** Elements shown along an axis, at each of its ends, and axes shown in full. */
const edge = 3;
const maxRank = 3;

export function isTensor(value: object): value is TensorLike {
  const { shape, dtype, dataSync } = value as Partial<TensorLike>;
  return Array.isArray(shape) && typeof dtype === "string" && typeof dataSync === "function";
}

export function tensorBundle(tensor: TensorLike): MimeBundle {
  const title = `Tensor ${formatShape(tensor.shape)} ${tensor.dtype}`;
  if (tensor.isDisposed) return { "text/plain": `${title} (disposed)` };
  const data = tensor.dataSync();
  const about = statistics(tensor.dtype, data);
  const preview = tensor.dtype === "complex64" ? "" : previewOf(data, tensor.shape);
  const html = `<div><b>${escapeHtml(title)}</b>${about && ` · ${escapeHtml(about)}`}<pre>${escapeHtml(preview)}</pre></div>`;
  const text = [about === "" ? title : `${title} · ${about}`, preview]
    .filter((part) => part !== "")
    .join("\n");
  return { "text/plain": text, "text/html": html };
}

function statistics(dtype: string, data: ArrayLike<number | boolean | string>): string {
  if (data.length === 0 || !/^(float32|float16|int32)$/.test(dtype)) return "";
  let [min, max, sum, odd] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (let i = 0; i < data.length; i++) {
    const x = data[i] as number;
    if (!Number.isFinite(x)) odd++;
    if (x < min) min = x;
    if (x > max) max = x;
    sum += x;
  }
  const figures =
    odd === data.length ? "" : `min ${short(min)}, mean ${short(sum / data.length)}, max ${short(max)}`;
  return [figures, odd > 0 ? `${odd} not finite` : ""].filter((part) => part !== "").join(", ");
}

function previewOf(data: ArrayLike<number | boolean | string>, shape: readonly number[]): string {
  const show = (axis: number, offset: number): string => {
    if (axis === shape.length) return element(data[offset]);
    if (shape.length - axis > maxRank) return `[${show(axis + 1, offset)}${shape[axis]! > 1 ? ", …" : ""}]`;
    const stride = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const size = shape[axis]!;
    const indices = Array.from({ length: size > 2 * edge ? 2 * edge : size }, (_, i) =>
      size > 2 * edge && i >= edge ? size - 2 * edge + i : i,
    );
    const parts = indices.map((i) => show(axis + 1, offset + i * stride));
    if (size > 2 * edge) parts.splice(edge, 0, "…");
    return `[${parts.join(axis === shape.length - 1 ? ", " : `,\n${" ".repeat(axis + 1)}`)}]`;
  };
  return data.length === 0 ? "[]" : show(0, 0);
}

function element(value: unknown): string {
  return typeof value === "number" ? short(value) : JSON.stringify(value);
}

function short(x: number): string {
  return Number.isInteger(x) && Math.abs(x) < 1e7 ? String(x) : String(Number(x.toPrecision(4)));
}
