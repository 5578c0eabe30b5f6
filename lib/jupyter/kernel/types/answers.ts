/** The language server's answers, in the words of the kernel. */

import type { Diagnostic } from "../seams.js";
import { offsetAt } from "./positions.js";
import type { Position } from "./server.js";

interface Range {
  readonly start: Position;
  readonly end: Position;
}

interface LspDiagnostic {
  readonly range: Range;
  readonly severity?: number;
  readonly code?: number;
  readonly message: string;
}

interface CompletionItem {
  readonly label: string;
  readonly kind?: number;
  readonly sortText?: string;
  readonly insertText?: string;
  readonly textEdit?: { readonly range?: Range; readonly newText: string };
}

type Markup = string | { readonly kind?: string; readonly value: string };

interface SignatureHelp {
  readonly signatures: readonly {
    readonly label: string;
    readonly documentation?: Markup;
    readonly parameters?: readonly {
      readonly label: string | [number, number];
      readonly documentation?: Markup;
    }[];
  }[];
  readonly activeSignature?: number;
  readonly activeParameter?: number;
}

const errorSeverity = 1;

/** Errors inside the cell, which begins at line `first` of its document; `starts` are the cell's own line starts. */
export function diagnostics(
  answer: unknown,
  { code, starts, first }: { code: string; starts: readonly number[]; first: number },
): Diagnostic[] {
  const inCell = ({ line, character }: Position) => ({ line: line - first, character });
  const { items = [] } = (answer ?? {}) as { items?: readonly LspDiagnostic[] };
  return items
    .filter(({ severity, range }) => severity === errorSeverity && range.start.line >= first)
    .map(({ range, code: number = 0, message }) => {
      const { line, character } = range.start;
      return {
        code: number,
        message: withoutInternals(message),
        start: Math.min(offsetAt(starts, inCell(range.start)), code.length),
        end: Math.min(offsetAt(starts, inCell(range.end)), code.length),
        line: line - first + 1,
        column: character + 1,
      };
    })
    .sort((a, b) => a.start - b.start || a.end - b.end);
}

/** By the protocol's number; the words are those that Jupyter's front ends know. */
const kinds: Readonly<Record<number, string>> = {
  2: "method",
  3: "function",
  4: "class",
  5: "property",
  6: "variable",
  7: "class",
  8: "interface",
  9: "module",
  10: "property",
  13: "enum",
  14: "keyword",
  17: "path",
  19: "path",
  20: "enum",
  21: "constant",
  22: "class",
  25: "type",
}; // prettier-ignore

/** What completes the `typed` beginning of a word, best first. */
export function completions(answer: unknown, typed: string): { label: string; type?: string }[] {
  const list = (answer ?? []) as readonly CompletionItem[] | { readonly items: readonly CompletionItem[] };
  const items = "items" in list ? list.items : list;
  const beginning = typed.toLowerCase();
  const found = new Map<string, { label: string; type?: string; order: string }>();
  for (const item of items) {
    const label = item.textEdit?.newText ?? item.insertText ?? item.label.replace(/\?$/, "");
    if (!label.toLowerCase().startsWith(beginning) || internalName.test(label)) continue;
    const type = kinds[item.kind ?? 0];
    found.set(label, { label, ...(type && { type }), order: item.sortText ?? "" });
  }
  return [...found.values()]
    .sort(
      (a, b) =>
        Number(b.label.startsWith(typed)) - Number(a.label.startsWith(typed)) ||
        compare(a.order, b.order) ||
        compare(a.label, b.label),
    )
    .map(({ order: _, ...item }) => item);
}

/** The markdown of a hover; undefined for none. */
export function hoverMarkdown(answer: unknown): string | undefined {
  const { contents } = (answer ?? {}) as { contents?: Markup };
  const text = contents === undefined ? "" : plain(contents).trim();
  return text === "" ? undefined : withoutInternals(text.replace(indexTag, ""));
}

/** Where tfjs's website lists a function. */
const indexTag = /\n*\*@doc\* — \{[^}]*\}/g;

/** Whether a hover shows a function in a variable, and no word about it: its doc comment may be the signature's. */
export function isBareFunction(hover: string): boolean {
  return /^```\w*\n(const|let|var) [^:]+: [^=]*\) => [^`]*\n```$/.test(hover);
}

/** What a call's signature is said to do. */
export function signatureDocumentation(answer: unknown): string | undefined {
  const { documentation } = activeSignature(answer) ?? {};
  return documentation === undefined ? undefined : plain(documentation);
}

/** Markdown for the call that the cursor is in; undefined outside of calls. */
export function signatureMarkdown(answer: unknown): string | undefined {
  const help = answer as SignatureHelp | null | undefined;
  const signature = activeSignature(help);
  if (help == null || signature === undefined) return undefined;
  const parameter = signature.parameters?.[help.activeParameter ?? 0];
  const overloads = help.signatures.length - 1;
  const about = parameter?.documentation === undefined ? "" : plain(parameter.documentation);
  const parts = [
    `\`\`\`typescript\n${signature.label}\n\`\`\``,
    overloads > 0 ? `+${overloads} overload${overloads === 1 ? "" : "s"}` : "",
    signature.documentation === undefined ? "" : plain(signature.documentation),
    parameter === undefined
      ? ""
      : `**${labelOf(parameter.label, signature.label)}**${about && ` — ${about}`}`,
  ];
  return withoutInternals(parts.filter((part) => part !== "").join("\n\n"));
}

/** Markdown for a terminal. */
export function plainText(markdown: string): string {
  return markdown
    .replace(/^```.*\n?/gm, "")
    .replace(/\*\*([^*]+)\*\*/g, "$1")
    .replace(/\*(@\w+)\*/g, "$1")
    .replace(/`([^`\n]+)`/g, "$1")
    .trim();
}

function activeSignature(answer: unknown): SignatureHelp["signatures"][number] | undefined {
  const help = answer as SignatureHelp | null | undefined;
  return help?.signatures[help.activeSignature ?? 0];
}

function labelOf(label: string | [number, number], signature: string): string {
  return typeof label === "string" ? label : signature.slice(...label);
}

function plain(markup: Markup): string {
  return typeof markup === "string" ? markup : markup.value;
}

const internalName = /^(\$cell\d+|\.workbook-\w+|tsconfig\.workbook-kernel)/;

/** Names of namespaces and documents that the reader has never written. */
function withoutInternals(text: string): string {
  return text
    .replace(/import\("[^"]*\.workbook-[a-z]+"\)\./g, "")
    .replace(/\$cell\d+_?\.?/g, "")
    .replace(/\(alias\) /g, "");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
