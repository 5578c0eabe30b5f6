/**
 * A session and a language service as simple as can be, for tests of the protocol alone: a cell is the body of an
 * async JavaScript function, `return` makes its result, and `show(output)` sends any output.
 */

import type {
  Cell,
  CellError,
  CellOutput,
  Diagnostic,
  Session,
  Types,
} from "../../../lib/jupyter/kernel/seams.js";

const words = ["alpha", "alphabet", "beta"];

export class FakeSession implements Session {
  onOutput: Session["onOutput"] = () => {};
  onLateError: Session["onLateError"] = () => {};
  #reject: (error: CellError) => void = () => {};

  async execute({ code, count }: Cell): Promise<{ error?: CellError }> {
    const show = (output: CellOutput) => this.onOutput(output, count);
    const print = (text: unknown) => show({ kind: "stream", name: "stdout", text: `${text}\n` });
    const warn = (text: unknown) => show({ kind: "stream", name: "stderr", text: `${text}\n` });
    const late = (error: Error) => this.onLateError(describe(error), count);
    const interrupted = new Promise<never>((_, reject) => {
      this.#reject = reject;
    });
    interrupted.catch(() => {});
    try {
      const body = asyncFunction("show", "print", "warn", "late", code);
      const result = await Promise.race([body(show, print, warn, late), interrupted]);
      if (result !== undefined) show({ kind: "result", data: { "text/plain": String(result) } });
      return {};
    } catch (error) {
      return { error: describe(error as Error) };
    }
  }

  async evaluate(expression: string): ReturnType<Session["evaluate"]> {
    try {
      return { data: { "text/plain": String(await asyncFunction(`return (${expression})`)()) } };
    } catch (error) {
      return { error: describe(error as Error) };
    }
  }

  isComplete(code: string): ReturnType<Session["isComplete"]> {
    if (code.trimEnd().endsWith("{")) return { status: "incomplete", indent: "  " };
    return { status: code.includes(")(") ? "invalid" : "complete" };
  }

  interrupted(): CellError {
    const error = { ename: "Interrupt", evalue: "the cell was interrupted", traceback: ["Interrupt"] };
    this.#reject(error);
    return error;
  }
}

export class FakeTypes implements Types {
  readonly committed: string[] = [];

  async check(code: string): Promise<Diagnostic[]> {
    const start = code.indexOf("wrong");
    if (start < 0) return [];
    const line = code.slice(0, start).split("\n");
    const column = line.at(-1)!.length + 1;
    const message = "Type 'wrong' is not assignable to type 'right'.";
    return [{ code: 2322, message, start, end: start + 5, line: line.length, column }];
  }

  commit(code: string): void {
    this.committed.push(code);
  }

  async complete(code: string, offset: number): ReturnType<Types["complete"]> {
    const start = offset - /\w*$/.exec(code.slice(0, offset))![0].length;
    return { start, end: offset, items: words.map((label) => ({ label, type: "const" })) };
  }

  async inspect(code: string, offset: number): ReturnType<Types["inspect"]> {
    const word = /^\w+/.exec(code.slice(offset))?.[0];
    return word === undefined ? undefined : { markdown: `**${word}**`, text: word };
  }

  async close(): Promise<void> {}
}

function asyncFunction(...words: string[]): (...values: unknown[]) => Promise<unknown> {
  const make = (async () => {}).constructor as new (...words: string[]) => () => Promise<unknown>;
  return new make(...words);
}

function describe(error: Error | CellError): CellError {
  if (!(error instanceof Error)) return error;
  return { ename: error.name, evalue: error.message, traceback: [`${error.name}: ${error.message}`] };
}
