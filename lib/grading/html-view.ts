/** Pieces of HTML that reports share: they read in light and dark notebooks, and nothing in them hangs on colour alone. */

import { escapeHtml } from "../html.js";

/** A sign and a word; the hue keeps its contrast on white and on black. */
export interface Look {
  readonly sign: string;
  readonly word: string;
  readonly hue: string;
}

export function frame(head: string, body: string, foot: string): string {
  return (
    `<div style="max-width:54em;border-left:3px solid #8886;padding:0 0 0 .9em;line-height:1.45">` +
    `<div style="font-size:1.1em">${head}</div>${body}` +
    `<div style="opacity:.7;font-size:.9em;margin-top:.6em">${foot}</div></div>`
  );
}

export function markHtml({ sign, word, hue }: Look): string {
  return `<span style="color:${hue};font-weight:600;white-space:nowrap">${sign} ${word}</span>`;
}

/** `html` follows the title and the name. */
export function headingHtml(title: string, name: string, html: string): string {
  return `<div style="margin-top:.6em"><b>${escapeHtml(title)}</b> <code>${escapeHtml(name)}</code> · ${html}</div>`;
}

/**
 * Messages, an empty line between them: a sentence, which wraps, and lines of code below it, which stay below each other
 * and scroll where they are too long.
 */
export function codeHtml(text: string): string {
  const blocks = text.split("\n\n").map((block) => {
    const [sentence = "", ...lines] = block.split("\n");
    const code = lines.length === 0 ? "" : preHtml(lines.join("\n"), "white-space:pre;overflow-x:auto");
    return preHtml(sentence, "white-space:pre-wrap;overflow-wrap:anywhere") + code;
  });
  return `<div style="margin:.15em 0">${blocks.join("<br>")}</div>`;
}

function preHtml(text: string, lines: string): string {
  const style = `margin:0;padding:0;background:none;color:inherit;font-size:.92em;word-break:normal;${lines}`;
  return `<pre style="${style}">${escapeHtml(text)}</pre>`;
}

export function noteHtml(text: string): string {
  const style = "margin:.4em 0;padding:.3em .6em;background:#8881;border-radius:4px";
  return `<div style="${style}">${withCode(escapeHtml(text))}</div>`;
}

/** A link to a file of the workbook, from a notebook's folder. */
export function fileHtml(file: string): string {
  return `<a style="color:inherit;text-decoration:underline" href="../${escapeHtml(file)}">${escapeHtml(file)}</a>`;
}

/** `name` → name in a code face. */
export function withCode(html: string): string {
  return html.replace(/`([^`]+)`/g, "<code>$1</code>");
}
