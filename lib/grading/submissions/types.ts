/**
 * Types of a submission, as TypeScript's language server sees them: its own errors, and whether each export has the
 * type that the exercise asks for. The server stays warm between submissions; one that hangs or dies is replaced.
 */

import path from "node:path";
import { pathToFileURL } from "node:url";
import { documents, sessionSpecifier } from "../../jupyter/kernel/types/project.js";
import type { RpcProcess } from "../../jupyter/kernel/types/rpc.js";
import { LanguageServer } from "../../jupyter/kernel/types/server.js";
import { root } from "../../root.js";
import type { Lesson } from "./exercise.js";
import { type ModuleExports, moduleExports } from "./exports.js";
import { parseModule, stackExhausted } from "./parse.js";
import { type Refusal, refusal, type Submission } from "./submission.js";
import { type LspDiagnostic, type TypeProblem, typeProblems } from "./type-problems.js";

const errorSeverity = 1;
/** A warm check takes some 20 ms; types that need this long are made to. */
const patientMs = 10_000;
/** The first check reads all of tfjs's declarations, perhaps on a busy machine. */
const warmUpMs = 120_000;

/** The errors of a text beside a lesson's exercises; undefined when they cannot be told in time. */
export type Diagnose = (text: string, signatures: Lesson) => Promise<readonly LspDiagnostic[] | undefined>;

/** One language server, warm between submissions. */
export class TypeChecker {
  readonly #checkMs: number;
  readonly #server = new LanguageServer({ cwd: root, root });
  #warm: RpcProcess | undefined;
  /** One text at a time. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param options `checkMs`: how long one warm check may take. */
  constructor({ checkMs = patientMs }: { readonly checkMs?: number } = {}) {
    this.#checkMs = checkMs;
  }

  /** Process id of the language server, for tests. */
  get pid(): number | undefined {
    return this.#server.pid;
  }

  /** As `checkTypes` does. */
  check(submission: Submission, signatures: Lesson): Promise<readonly TypeProblem[] | Refusal> {
    return checkTypes(submission, signatures, { diagnose: this.diagnose, checkMs: this.#checkMs });
  }

  /** Starts the server, so that the first check finds it warm. What is wrong with it shows in the checks. */
  warmUp(signatures: Lesson): void {
    this.diagnose("export {};\n", signatures).catch(() => {});
  }

  /** @throws when the language server does not start. */
  readonly diagnose: Diagnose = (text, signatures) => {
    const answer = this.#last.then(() => this.#diagnostics(text, signatures));
    this.#last = answer.catch(() => undefined);
    return answer;
  };

  async close(): Promise<void> {
    await this.#server.close();
  }

  /** Undefined when the server takes too long or dies. */
  async #diagnostics(text: string, signatures: Lesson): Promise<readonly LspDiagnostic[] | undefined> {
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
        this.#server.setText("cell", text);
        return await ask(server, this.#checkMs);
      } catch (error) {
        // One that did not even start is no fault of this text.
        if (server === undefined) throw error;
        await server.end();
        // The next server begins with what this one had, which may have been its end.
        this.#server.setText("cell", "");
        // It may have been killed from outside; whoever was late will be late again.
        if (/longer than/.test((error as Error).message)) return undefined;
      }
    }
    return undefined;
  }
}

let shared: TypeChecker | undefined;

function ours(): TypeChecker {
  shared ??= new TypeChecker();
  return shared;
}

/**
 * @param options `diagnose`: who looks, the one language server of this process unless given; `checkMs`: how long that
 * one may take.
 * @returns nothing for a file that begins with `// @ts-nocheck`, and a refusal for types that cannot be checked.
 * @throws when the language server does not start.
 */
export async function checkTypes(
  submission: Submission,
  signatures: Lesson,
  { diagnose, checkMs = patientMs }: { readonly diagnose?: Diagnose; readonly checkMs?: number } = {},
): Promise<readonly TypeProblem[] | Refusal> {
  const tree = await parseModule(submission.text);
  if ("problem" in tree) return refusal("unparsable", `${submission.file}: ${tree.problem}`);
  let exports: ModuleExports;
  try {
    exports = moduleExports(tree.program);
  } catch (error) {
    return stackExhausted(error, submission.file);
  }
  const asked = signatures.names.filter((name) => exports.places.has(name));
  const whole = `${submission.text}\n${comparison(asked, exports.imported)}`;
  const found = await (diagnose ?? ours().diagnose)(whole, signatures);
  if (found === undefined) {
    const limit = `${checkMs / 1000} s`;
    const message = `the types could not be checked within ${limit}; simplify them, or begin with // @ts-nocheck`;
    return refusal("types", `${submission.file}: ${message}`);
  }
  return typeProblems(found, submission, exports, asked);
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

/** What a released exercise imports, in that order. */
const usual = ["@tensorflow/tfjs", "workbook/grading/todo"];

/**
 * One line for imports, then one for each exercise: errors there are about its type.
 *
 * The server builds its program anew when the modules that a document imports, or their order, are not those of the
 * document before: three times the work. So the first line makes up for what most submissions leave out.
 */
function comparison(names: readonly string[], imported: readonly string[] = usual): string {
  const itself = `./${path.basename(documents.cell, ".ts")}`;
  const isUsual = imported.every((name, i) => usual[i] === name);
  const missing = isUsual
    ? usual.slice(imported.length).map((name) => `import type {} from "${name}"; `)
    : [];
  return [
    `;${missing.join("")}import type * as $asked from "${sessionSpecifier}"; import * as $given from "${itself}";`,
    ...names.map((name) => `$given.${name} satisfies $asked.$Asked<typeof $asked.${name}>;`),
  ].join("\n");
}

async function ask(server: RpcProcess, limitMs: number): Promise<readonly LspDiagnostic[]> {
  const uri = pathToFileURL(path.join(root, documents.cell)).href;
  const answer = await server.request("textDocument/diagnostic", { textDocument: { uri } }, limitMs);
  const { items = [] } = (answer ?? {}) as { readonly items?: readonly LspDiagnostic[] };
  return items.filter(({ severity }) => severity === errorSeverity);
}
