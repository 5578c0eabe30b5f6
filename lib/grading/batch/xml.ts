/** XML, written: elements with attributes, texts, and nothing that XML 1.0 forbids. */

import { escapeHtml } from "../../html.js";

export interface Element {
  readonly name: string;
  readonly attributes?: Readonly<Record<string, string | number>>;
  readonly children?: readonly (Element | string)[];
}

export function xml(element: Element): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${written(element, "")}\n`;
}

function written({ name, attributes = {}, children = [] }: Element, indent: string): string {
  const head = `${indent}<${name}${Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${attribute(String(value))}"`)
    .join("")}`;
  if (children.length === 0) return `${head}/>`;
  if (children.every((child) => typeof child === "string")) {
    return `${head}>${children.map((child) => escapeHtml(allowed(child))).join("")}</${name}>`;
  }
  const inner = children.map((child) =>
    typeof child === "string" ? escapeHtml(allowed(child)) : written(child, `${indent}  `),
  );
  return `${head}>\n${inner.join("\n")}\n${indent}</${name}>`;
}

/** A parser turns bare line breaks of an attribute into blanks. */
function attribute(text: string): string {
  return escapeHtml(allowed(text)).replace(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function allowed(text: string): string {
  return text.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD");
}
