/**
 * Types of a submission, as TypeScript's language server sees them: its own errors, and whether each export has the
 * type that the exercise asks for. The server stays warm between submissions; one that hangs or dies is replaced.
 */

import path from "node:path";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { typeErrorFrame } from "../../jupyter/kernel/type-errors.js";
import { lineStarts, offsetAt } from "../../jupyter/kernel/types/positions.js";
import { documents, sessionSpecifier } from "../../jupyter/kernel/types/project.js";
import type { RpcProcess } from "../../jupyter/kernel/types/rpc.js";
import { LanguageServer, type Position } from "../../jupyter/kernel/types/server.js";
import { root } from "../../root.js";
import { clipped } from "../places.js";
import type { Lesson } from "./exercise.js";
import { type ModuleExports, moduleExports } from "./exports.js";
import { parseModule, positionAt, stackExhausted } from "./parse.js";
import { type Refusal, refusal, type Submission } from "./submission.js";

export interface TypeProblem {
  /** The exercise that it costs; absent where it is in none of them. */
  readonly exercise?: string;
  /** Sentence, place and lines, without colours. */
  readonly frame: string;
}

interface LspDiagnostic {
  readonly range: { readonly start: Position; readonly end: Position };
  readonly severity?: number;
  readonly code?: number;
  readonly message: string;
}

const errorSeverity = 1;
const mostFrames = 5;
/** A warm check takes some 20 ms; types that need this long are made to. */
const patientMs = 10_000;
/** The first check reads all of tfjs's declarations, perhaps on a busy machine. */
const warmUpMs = 120_000;

export class TypeChecker {
  readonly #checkMs: number;
  readonly #server = new LanguageServer({ cwd: root, root });
  #warm: RpcProcess | undefined;
  /** One document is checked at a time. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param options `checkMs`: how long one warm check may take. */
  constructor({ checkMs = patientMs }: { readonly checkMs?: number } = {}) {
    this.#checkMs = checkMs;
  }

  /** Process id of the language server, for tests. */
  get pid(): number | undefined {
    return this.#server.pid;
  }

  /**
   * @returns nothing for a file that begins with `// @ts-nocheck`, and a refusal for types that cannot be checked.
   * @throws when the language server does not start.
   */
  check(submission: Submission, signatures: Lesson): Promise<readonly TypeProblem[] | Refusal> {
    const answer = this.#last.then(() => this.#check(submission, signatures));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    await this.#server.close();
  }

  async #check(submission: Submission, signatures: Lesson): Promise<readonly TypeProblem[] | Refusal> {
    const tree = await parseModule(submission.text);
    if ("problem" in tree) return refusal("unparsable", `${submission.file}: ${tree.problem}`);
    let exports: ModuleExports;
    try {
      exports = moduleExports(tree.program);
    } catch (error) {
      return stackExhausted(error, submission.file);
    }
    const asked = signatures.names.filter((name) => exports.places.has(name));
    const found = await this.#diagnostics(submission.text, signatures, asked);
    if (found === undefined) {
      const limit = `${this.#checkMs / 1000} s`;
      const message = `the types could not be checked within ${limit}; simplify them, or begin with // @ts-nocheck`;
      return refusal("types", `${submission.file}: ${message}`);
    }
    return problems(found, submission, exports, asked);
  }

  /** Undefined when the server takes too long or dies. */
  async #diagnostics(
    text: string,
    signatures: Lesson,
    asked: readonly string[],
  ): Promise<readonly LspDiagnostic[] | undefined> {
    for (let attempt = 1; attempt <= 2; attempt++) {
      this.#server.setText("session", `${signatures.text}\n${helpers}`);
      let server: RpcProcess | undefined;
      try {
        server = await this.#server.start();
        if (server !== this.#warm) {
          this.#server.setText("cell", `${signatures.text}\n${comparison(signatures.names)}`);
          await ask(server, warmUpMs);
          this.#warm = server;
        }
        this.#server.setText("cell", `${text}\n${comparison(asked)}`);
        return await ask(server, this.#checkMs);
      } catch (error) {
        // One that did not even start is no fault of this text.
        if (server === undefined) throw error;
        server.kill();
        await server.exited;
        // It may have been killed from outside; whoever was late will be late again.
        if (/longer than/.test((error as Error).message)) return undefined;
      }
    }
    return undefined;
  }
}

let shared: TypeChecker | undefined;

/** Checks with the one language server of this process. */
export function checkTypes(
  submission: Submission,
  signatures: Lesson,
): Promise<readonly TypeProblem[] | Refusal> {
  shared ??= new TypeChecker();
  return shared.check(submission, signatures);
}

/** Ends the language server; a later check starts another. */
export async function closeTypes(): Promise<void> {
  const closing = shared;
  shared = undefined;
  await closing?.close();
}

/**
 * A result may be a tensor of any rank to the compiler: tfjs's own functions often forget it, and the judge looks at
 * the rank that really came.
 */
const helpers = `
import type { Tensor as $Tensor } from "@tensorflow/tfjs";
type $AnyRank<R> = R extends $Tensor ? $Tensor : R;
export type $Asked<A> = A extends (...args: infer P) => infer R ? (...args: P) => $AnyRank<R> : A;
`;

/** One line for imports, then one for each exercise: errors there are about its type. */
function comparison(names: readonly string[]): string {
  const itself = `./${path.basename(documents.cell, ".ts")}`;
  return [
    `;import type * as $asked from "${sessionSpecifier}"; import * as $given from "${itself}";`,
    ...names.map((name) => `$given.${name} satisfies $asked.$Asked<typeof $asked.${name}>;`),
  ].join("\n");
}

async function ask(server: RpcProcess, limitMs: number): Promise<readonly LspDiagnostic[]> {
  const uri = pathToFileURL(path.join(root, documents.cell)).href;
  const answer = await server.request("textDocument/diagnostic", { textDocument: { uri } }, limitMs);
  const { items = [] } = (answer ?? {}) as { readonly items?: readonly LspDiagnostic[] };
  return items.filter(({ severity }) => severity === errorSeverity);
}

function problems(
  found: readonly LspDiagnostic[],
  submission: Submission,
  exports: ModuleExports,
  asked: readonly string[],
): TypeProblem[] {
  const starts = lineStarts(submission.text);
  const frames = new Map<string | undefined, string[]>();
  const report = (exercise: string | undefined, frame: string) => {
    const list = frames.get(exercise) ?? [];
    frames.set(exercise, list.includes(frame) ? list : [...list, frame]);
  };
  for (const { range, code = 0, message } of found) {
    const below = range.start.line - starts.length;
    if (below >= 0) {
      const name = asked[below - 1];
      const place = name === undefined ? undefined : exports.places.get(name);
      if (name !== undefined) report(name, frameOf(submission, code, wrongType(name, message), place!));
      continue;
    }
    const place = { start: offsetAt(starts, range.start), end: offsetAt(starts, range.end) };
    const owners = exports.owners(place.start).filter((name) => asked.includes(name));
    const frame = frameOf(submission, code, message, place);
    for (const owner of owners.length === 0 ? [undefined] : owners) report(owner, frame);
  }
  const inOrder = [...frames].sort(([a], [b]) => rank(a, asked) - rank(b, asked));
  return inOrder.map(([exercise, list]) => {
    const more = list.length - mostFrames;
    const shown = [...list.slice(0, mostFrames), ...(more > 0 ? [`and ${more} more type errors`] : [])];
    return { ...(exercise !== undefined && { exercise }), frame: shown.join("\n\n") };
  });
}

/** The file's problems first, then the exercises' in their order. */
function rank(exercise: string | undefined, asked: readonly string[]): number {
  return exercise === undefined ? -1 : asked.indexOf(exercise);
}

/** "Type 'A' does not satisfy the expected type 'B'.", in the order in which readers look for it. */
function wrongType(name: string, message: string): string {
  const [, got, expected, rest] =
    /^Type '([^\n]*)' does not satisfy the expected type '([^\n]*)'\.(.*)$/s.exec(message) ?? [];
  return got === undefined ? `${name}: ${message}` : `${name}: expected ${expected}, got ${got}${rest}`;
}

function frameOf(
  { text, locate, origin }: Submission,
  number: number,
  message: string,
  { start, end }: { readonly start: number; readonly end: number },
): string {
  const at = positionAt(text, start);
  const from = origin?.(at.line, at.column) ?? { text, ...at };
  const lines = from.text.split("\n");
  const shown = clipped(lines[from.line - 1] ?? "", from.column);
  const code = lines.map((line, i) => (i === from.line - 1 ? shown.lineText : clipped(line, 1).lineText));
  const offset =
    code.slice(0, from.line - 1).join("\n").length + Math.min(1, from.line - 1) + shown.column - 1;
  const diagnostic = {
    code: number,
    message: readable(message),
    start: offset,
    end: offset + end - start,
    line: from.line,
    column: shown.column,
  };
  const place = locate(at.line, at.column);
  return stripVTControlCharacters(typeErrorFrame(diagnostic, code.join("\n"), place).join("\n"));
}

/** Without the names of documents that nobody has written. */
function readable(message: string): string {
  return message.replace(/import\("[^"]*\.workbook-[a-z]+"\)\./g, "").replace(/\$(asked|given)\./g, "");
}
