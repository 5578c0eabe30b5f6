/** A session whose cells are checked before they run: the session and the language service as one evaluator. */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Evaluator } from "./protocol/evaluator.js";
import type { Cell, CellError, CellOutput, Diagnostic, Session, Types } from "./seams.js";
import { typeErrors } from "./type-errors.js";

export class CheckedSession implements Evaluator {
  readonly #session: Session;
  readonly #types: Types;
  /** The cell at hand, until it is answered or its declarations are committed. */
  #current: { readonly cell: Cell; runs: boolean } | undefined;

  constructor(session: Session, types: Types) {
    this.#session = session;
    this.#types = types;
  }

  set onOutput(show: (output: CellOutput, cell: number) => void) {
    this.#session.onOutput = show;
  }

  set onLateError(show: (error: CellError, cell: number) => void) {
    this.#session.onLateError = show;
  }

  /** Type errors stop a cell before it runs, unless it begins with `// @ts-nocheck`. */
  async execute(cell: Cell): Promise<{ readonly error?: CellError }> {
    const current = { cell, runs: false };
    this.#current = current;
    if (!isUnchecked(cell.code)) {
      const found = await this.#check(cell);
      if (found.length > 0) return { error: typeErrors(found, cell) };
    }
    // A busy loop that is broken off takes with it what else was about to run: nothing must be.
    await nextTurn();
    // Interrupted meanwhile: that has been reported, and the cell must not start after it.
    if (this.#current !== current) return {};
    current.runs = true;
    const outcome = await this.#session.execute(cell);
    if (this.#current === current) this.#commit();
    return outcome;
  }

  interrupted(): CellError {
    this.#commit();
    return this.#session.interrupted();
  }

  /** Without a language service a cell runs unchecked: better than not at all. */
  async #check({ code, count }: Cell): Promise<readonly Diagnostic[]> {
    try {
      return await this.#types.check(code);
    } catch (error) {
      const text = `types were not checked: ${(error as Error).message}\n`;
      this.#session.onOutput({ kind: "stream", name: "stderr", text }, count);
      return [];
    }
  }

  /** What a cell declared before it failed or was interrupted is there, and later cells may use it. */
  #commit(): void {
    const current = this.#current;
    this.#current = undefined;
    if (current?.runs === true) this.#types.commit(current.cell.code, current.cell.count);
  }

  evaluate(expression: string): ReturnType<Session["evaluate"]> {
    return this.#session.evaluate(expression);
  }

  isComplete(code: string): ReturnType<Session["isComplete"]> {
    return this.#session.isComplete(code);
  }

  /** Only what begins with what is typed already: not every client filters. */
  async complete(code: string, offset: number): ReturnType<Types["complete"]> {
    const { start, end, items } = await this.#types.complete(code, offset);
    const typed = code.slice(start, offset).toLowerCase();
    return { start, end, items: items.filter(({ label }) => label.toLowerCase().startsWith(typed)) };
  }

  inspect(code: string, offset: number): ReturnType<Types["inspect"]> {
    return this.#types.inspect(code, offset);
  }

  close(): Promise<void> {
    return this.#types.close();
  }
}

/** TypeScript's own rule: the comment stands before any code. */
function isUnchecked(code: string): boolean {
  const at = code.search(/\/\/\s*@ts-nocheck\b/);
  if (at < 0) return false;
  const before = code.slice(0, at).replace(/\/\*[\s\S]*?\*\//g, "");
  return before.replace(/\/\/.*$/gm, "").trim() === "";
}
