/**
 * TypeScript as a tree, without trusting the text: the parser is native and recursive, so a hundred kilobytes of
 * "((((…" would take this whole process with it. What could nest that deeply is first parsed in a process that may die.
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";
import type { Node } from "../../jupyter/kernel/session/ast.js";
import { type Refusal, refusal } from "./submission.js";

/** What does not parse: the first mistake, and the offset where it is, if it is anywhere in particular. */
export interface SyntaxProblem {
  readonly problem: string;
  readonly offset?: number;
}

export const tooDeep = "it is nested too deeply or too long";

export interface Tree {
  readonly program: Node;
  readonly comments: readonly { readonly value: string; readonly start: number }[];
}

/** Below both figures any nesting fits into half of a thread's stack (measured: 500 nested functions take it all). */
const harmless = { length: 20_000, openers: 700 };
const probeMs = 30_000;

export async function parseModule(text: string): Promise<Tree | SyntaxProblem> {
  if (isSuspicious(text) && !(await survives(text))) return { problem: tooDeep };
  const { program, comments, errors } = parseSync("answers.ts", text, { lang: "ts", sourceType: "module" });
  const [error] = errors;
  if (error !== undefined) {
    const help = error.helpMessage ? ` (${error.helpMessage})` : "";
    return { problem: error.message + help, offset: error.labels[0]?.start ?? 0 };
  }
  return { program: program as unknown as Node, comments };
}

/** Trees are walked by recursion, which a text can be made to exhaust. @throws any other error. */
export function stackExhausted(error: unknown, shown: string): Refusal {
  if (!(error instanceof RangeError)) throw error;
  return refusal("unparsable", `${shown}: ${tooDeep}`);
}

function isSuspicious(text: string): boolean {
  return text.length > harmless.length || (text.match(/[([{<`=?]/g)?.length ?? 0) > harmless.openers;
}

/** Whether another process, with less stack than this one, lives through parsing the text. */
function survives(text: string): Promise<boolean> {
  const probe = fileURLToPath(new URL("./probe.js", import.meta.url));
  const child = spawn(process.execPath, [probe], { stdio: ["pipe", "ignore", "ignore"], timeout: probeMs });
  child.stdin.on("error", () => {}); // It died while it was still being told; its end says so.
  child.stdin.end(text);
  return new Promise((resolve) => {
    child.once("error", () => resolve(false));
    child.once("exit", (code) => resolve(code === 0));
  });
}
