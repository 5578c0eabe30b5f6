/** What the value of a cell looks like: always text/plain without colours, and the richer forms that it has. */

import { inspect } from "node:util";
import type { MimeBundle } from "../../../display.js";
import { imageBundle } from "./images.js";
import { isRecords, recordsHtml } from "./tables.js";
import { isTensor, tensorBundle } from "./tensors.js";

/** Longer texts would burden the notebook more than they tell. */
const maxText = 100_000;

/** Methods by which an object shows itself, in the order of preference. */
const displayMethods = [Symbol.for("Jupyter.display"), "toBundle"] as const;

/** The bundle of a value. Never throws: what a value's own method throws becomes part of the text. */
export async function bundleOf(value: unknown): Promise<MimeBundle> {
  try {
    const own = await ownBundle(value);
    if (own !== undefined) return { "text/plain": textOf(value), ...own };
    return builtinBundle(value) ?? { "text/plain": textOf(value) };
  } catch (error) {
    const text = `${textOf(value)}\n(showing it failed: ${error instanceof Error ? error.message : String(error)})`;
    return { "text/plain": text };
  }
}

export function textOf(value: unknown): string {
  let text: string;
  try {
    text = inspect(value, {
      colors: false,
      depth: 4,
      maxArrayLength: 100,
      maxStringLength: 10_000,
      breakLength: 100,
    });
  } catch (error) {
    text = `[${typeof value} that cannot be shown: ${error instanceof Error ? error.message : String(error)}]`;
  }
  return text.length <= maxText
    ? text
    : `${text.slice(0, maxText)}\n… ${text.length - maxText} more characters`;
}

async function ownBundle(value: unknown): Promise<MimeBundle | undefined> {
  if (typeof value !== "object" || value === null) return undefined;
  for (const key of displayMethods) {
    const method = (value as Record<PropertyKey, unknown>)[key];
    if (typeof method !== "function") continue;
    const bundle: unknown = await Reflect.apply(method, value, []);
    if (isBundle(bundle)) return bundle;
  }
  return undefined;
}

/** Keys are MIME types, one at least. */
function isBundle(value: unknown): value is MimeBundle {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => /^[\w.+-]+\/[\w.+-]+$/.test(key));
}

function builtinBundle(value: unknown): MimeBundle | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (isTensor(value)) return tensorBundle(value);
  if (value instanceof Uint8Array) return imageBundle(value, textOf(value));
  if (isRecords(value)) return { "text/plain": textOf(value), "text/html": recordsHtml(value) };
  return (
    specBundle(value) ??
    markupBundle(value) ??
    (isPlain(value) && isBundle(value) ? withText(value) : undefined)
  );
}

/** Charts as plain data: Vega-Lite and Vega say what they are, Plotly has traces with types. */
function specBundle(value: object): MimeBundle | undefined {
  const { $schema, data } = value as { $schema?: unknown; data?: unknown };
  const [, language, version] =
    /\/schema\/(vega|vega-lite)\/v(\d+)/.exec(typeof $schema === "string" ? $schema : "") ?? [];
  if (language === "vega-lite")
    return { "text/plain": textOf(value), [`application/vnd.vegalite.v${version}+json`]: value };
  if (language === "vega")
    return { "text/plain": textOf(value), [`application/vnd.vega.v${version}+json`]: value };
  const traces = Array.isArray(data) ? (data as unknown[]) : [];
  const isTrace = (trace: unknown) =>
    typeof trace === "object" && trace !== null && typeof (trace as { type?: unknown }).type === "string";
  if (traces.length === 0 || !traces.every(isTrace) || !isPlain(value)) return undefined;
  return { "text/plain": textOf(value), "application/vnd.plotly.v1+json": { layout: {}, ...value } };
}

const wrappers: Readonly<Record<string, string>> = {
  html: "text/html",
  svg: "image/svg+xml",
  latex: "text/latex",
  markdown: "text/markdown",
};

/** `{ html: "<b>…</b>" }`, `{ svg }`, `{ latex }`, `{ markdown }`: an object whose only key says what its text is. */
function markupBundle(value: object): MimeBundle | undefined {
  const entries = Object.entries(value);
  const [key, text] = entries[0] ?? [];
  const type = key === undefined || entries.length !== 1 ? undefined : wrappers[key];
  return type === undefined || typeof text !== "string" ? undefined : { "text/plain": text, [type]: text };
}

function withText(bundle: MimeBundle): MimeBundle {
  return { "text/plain": textOf(bundle), ...bundle };
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
