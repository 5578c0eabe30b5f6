/** The compiler's messages, each with a picture of its line in the text that the reader wrote. */

import { findOwnText } from "../cell-text.js";
import { codeFrame, dim, red } from "../jupyter/kernel/code-frame.js";
import type { CompilerMessage } from "../kernels/playground/job.js";

/** More would say the same in other words. */
const MOST_MESSAGES = 6;

/** Where the WGSL stands, if the kernel knows: `cell [7]`, and how its lines and columns are counted there. */
interface Origin {
  readonly label: string;
  readonly text: string;
  readonly place: (message: CompilerMessage) => { readonly line: number; readonly column: number };
}

/** Lines for a traceback. A text that was put together from pieces is pictured as it came to the compiler. */
export function pictureMessages(wgsl: string, messages: readonly CompilerMessage[]): string[] {
  const origin = originOf(wgsl);
  return messages.slice(0, MOST_MESSAGES).flatMap((message, i) => {
    const mark = message.type === "error" ? red : dim;
    const head = [...(i > 0 ? [""] : []), `${mark(message.type)}: ${message.text}`];
    if (message.line === 0) return head;
    const { line, column } = origin.place(message);
    const frame = codeFrame(origin.text, { line, column, width: message.width });
    return [...head, dim(`${origin.label}:${line}:${column}`), ...frame];
  });
}

/** "cell [7], line 12", or "line 3 of the WGSL". */
export function namePlace(wgsl: string, message: CompilerMessage): string {
  const { label, place } = originOf(wgsl);
  const { line } = place(message);
  return label === "WGSL" ? `line ${line} of the WGSL` : `${label}, line ${line}`;
}

function originOf(wgsl: string): Origin {
  const found = findOwnText(wgsl);
  if (found === undefined)
    return { label: "WGSL", text: wgsl, place: ({ line, column }) => ({ line, column }) };
  const { label, text } = found;
  return {
    label,
    text,
    place: ({ line, column }) => ({
      line: found.line + line - 1,
      column: line === 1 ? found.column + column - 1 : column,
    }),
  };
}
