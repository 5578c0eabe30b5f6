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
import { processorSeconds } from "../wall/clock.js";
import { residentBytes } from "../wall/memory.js";
import { find } from "../wall/programs.js";
import type { Lesson } from "./exercise.js";
import { type ModuleExports, moduleExports } from "./exports.js";
import { parseModule, stackExhausted } from "./parse.js";
import { type Refusal, refusal, type Submission } from "./submission.js";
import { type LspDiagnostic, type TypeProblem, typeProblems } from "./type-problems.js";

const errorSeverity = 1;
/** What a text may cost the server. A warm check takes some 20 ms and 150 MB; types that need this much are made to. */
const usualLimits: CheckLimits = { seconds: 10, memoryMB: 1024 };
/** By the clock, on the busiest machine; also of the first check, which reads all of tfjs's declarations. */
const silentMs = 120_000;
/** Between two looks at the server's time and memory. */
const glanceMs = 50;
/** Beyond the memory that is watched, the system's own limit, for what grows faster than somebody can look. */
const beyondMB = 1024;

export interface CheckLimits {
  /** Of processor time, where the system tells it; else by the clock. */
  readonly seconds: number;
  readonly memoryMB: number;
}

/** Why a text's errors are not known: it took too long or too much memory. */
export type Unchecked = { readonly tooMuch: "time" | "memory" };

/** The errors of a text beside a lesson's exercises, where they can be told. */
export type Diagnose = (text: string, signatures: Lesson) => Promise<readonly LspDiagnostic[] | Unchecked>;

/** One language server, warm between submissions. */
export class TypeChecker {
  readonly #limits: CheckLimits;
  readonly #server: LanguageServer;
  #warm: RpcProcess | undefined;
  /** One text at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(limits: Partial<CheckLimits> = {}) {
    this.#limits = { ...usualLimits, ...limits };
    this.#server = new LanguageServer({ cwd: root, root }, undefined, limiting(this.#limits));
  }

  /** Process id of the language server, for tests. */
  get pid(): number | undefined {
    return this.#server.pid;
  }

  /** As `checkTypes` does. */
  check(submission: Submission, signatures: Lesson): Promise<readonly TypeProblem[] | Refusal> {
    return checkTypes(submission, signatures, { diagnose: this.diagnose, limits: this.#limits });
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

  async #diagnostics(text: string, signatures: Lesson): Promise<readonly LspDiagnostic[] | Unchecked> {
    for (let attempt = 1; attempt <= 2; attempt++) {
      this.#server.setText("session", `${signatures.text}\n${helpers}`);
      let server: RpcProcess | undefined;
      let tooMuch: Unchecked["tooMuch"] | undefined;
      let unwatch = () => {};
      try {
        server = await this.#server.start();
        if (server !== this.#warm) {
          this.#server.setText("cell", `${signatures.text}\n${comparison(signatures.names)}`);
          await ask(server, silentMs);
          this.#warm = server;
        }
        unwatch = watch(server, this.#limits, (what) => {
          tooMuch = what;
          server?.kill();
        });
        this.#server.setText("cell", text);
        return await ask(server, silentMs);
      } catch (error) {
        // One that did not even start is no fault of this text.
        if (server === undefined) throw error;
        await server.end();
        // The next server begins with what this one had, which may have been its end.
        this.#server.setText("cell", "");
        // Whoever was late will be late again. Else it may have been killed from outside, or been full before.
        if (tooMuch === "time" || /longer than/.test((error as Error).message)) return { tooMuch: "time" };
      } finally {
        unwatch();
      }
    }
    // Twice, and alone with a new server: this text is its end, and what ends TypeScript's server is want of memory.
    return { tooMuch: "memory" };
  }
}

/** The system's own limit on what a process may allocate, where there is a program that sets it. */
function limiting({ memoryMB }: CheckLimits): string[] {
  const prlimit = find("prlimit");
  if (prlimit === undefined) return [];
  return [prlimit, "--core=0", `--data=${(memoryMB + beyondMB) * 2 ** 20}`, "--"];
}

/** Tells when a server has worked for too long since now, or holds too much. Returns what ends the watching. */
function watch(
  { pid }: RpcProcess,
  { seconds, memoryMB }: CheckLimits,
  onTooMuch: (what: Unchecked["tooMuch"]) => void,
): () => void {
  if (pid === undefined) return () => {};
  const begun = performance.now();
  const before = processorSeconds(pid);
  const timer = setInterval(() => {
    const now = processorSeconds(pid);
    const worked =
      before === undefined || now === undefined ? (performance.now() - begun) / 1000 : now - before;
    if (residentBytes(pid) > memoryMB * 2 ** 20) onTooMuch("memory");
    else if (worked > seconds) onTooMuch("time");
  }, glanceMs);
  return () => clearInterval(timer);
}

let shared: TypeChecker | undefined;

function ours(): TypeChecker {
  shared ??= new TypeChecker();
  return shared;
}

/**
 * @param options `diagnose`: who looks, the one language server of this process unless given; `limits`: what that one may
 * use.
 * @returns nothing for a file that begins with `// @ts-nocheck`, and a refusal for types that cannot be checked.
 * @throws when the language server does not start.
 */
export async function checkTypes(
  submission: Submission,
  signatures: Lesson,
  { diagnose, limits = usualLimits }: { readonly diagnose?: Diagnose; readonly limits?: CheckLimits } = {},
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
  if ("tooMuch" in found) {
    const { seconds, memoryMB } = limits;
    const limit = found.tooMuch === "time" ? `within ${seconds} s` : `in ${memoryMB} MB of memory`;
    const message = `the types could not be checked ${limit}; simplify them, or begin with // @ts-nocheck`;
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
