/** What is said over the channel. Requests come from the judge and are right; replies come from anybody. */

import type { Outcome } from "../invoke.js";
import type { Plain } from "../values.js";
import { WireError } from "./codec.js";

/** How the submission's own lines read in a stack: `submission.js:12:5`. */
export const submissionFile = "submission.js";

export type Request = { readonly id: number } & (
  | {
      readonly kind: "load";
      readonly code: string;
      readonly withheld: readonly string[];
      readonly valueBytes: number;
    }
  | { readonly kind: "read"; readonly exercise: string }
  | { readonly kind: "call"; readonly exercise: string; readonly args: readonly Plain[] }
  /** Answered at once, with nothing: whatever else came before that answer was not asked for. */
  | { readonly kind: "confirm" }
);

/** An outcome whose error has become text. */
export type Reply = { readonly id: number } & (
  | Exclude<Outcome, { threw: unknown }>
  | { readonly threw: string; readonly stack: string }
);

/** Longest text that a reply brings into a report. */
const LONGEST = 500;

/** @throws WireError for anything that is no reply. */
export function readReply(message: Plain): Reply {
  if (typeof message !== "object" || message === null) throw new WireError("no reply");
  const { id, value, todo, broke, threw, stack } = message as Readonly<Record<string, Plain>>;
  if (typeof id !== "number") throw new WireError("a reply to nothing");
  if (Object.hasOwn(message, "value")) return { id, value };
  if (typeof todo === "string") return { id, todo: line(todo) };
  if (typeof broke === "string") return { id, broke: line(broke) };
  if (typeof threw === "string" && typeof stack === "string") return { id, threw: line(threw), stack };
  throw new WireError("a reply of no known kind");
}

/** One line that can stand in a report. */
function line(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  const shown = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
  return shown.length <= LONGEST ? shown : `${shown.slice(0, LONGEST)}…`;
}
