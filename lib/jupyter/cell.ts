/** Runs single cells in a kernel, fills in their outputs, and judges whether they did what they should. */

import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import { type ExecuteResult, type KernelClient, KernelError } from "./client.js";
import { type CodeCell, type Output, text } from "./notebook.js";
import { Outputs } from "./outputs.js";
import type { Json } from "./wire.js";

// For 200 ms after an error, tslab aborts whatever it is asked to run.
const abortRetryMs = 100;
const abortRetries = 5;
const shownLines = 40;

/** Runs the cells of one notebook in one kernel, in turn. */
export class CellRunner {
  readonly #client: KernelClient;
  readonly #timeout: number;
  readonly #outputs = new Outputs();
  #raised = false;

  /** @param timeout milliseconds that each cell may take. */
  constructor(client: KernelClient, timeout: number) {
    this.#client = client;
    this.#timeout = timeout;
  }

  /** Runs a cell and returns what is wrong with it, or undefined when all is well. */
  async run(cell: CodeCell): Promise<string | undefined> {
    try {
      let result = await this.#execute(cell);
      // Only after an error that the notebook wanted. An aborted cell has not run, so asking again is safe.
      for (let i = 0; this.#raised && result.status.startsWith("abort") && i < abortRetries; i++) {
        await sleep(abortRetryMs);
        result = await this.#execute(cell);
      }
      this.#raised = result.status === "error";
      const count = result.reply.execution_count;
      if (typeof count === "number") cell.execution_count = count;
      return problemOf(cell, result);
    } catch (error) {
      if (error instanceof KernelError) return error.message;
      throw error;
    }
  }

  #execute(cell: CodeCell): Promise<ExecuteResult> {
    return this.#client.execute(text(cell.source), {
      timeout: this.#timeout,
      onOutput: (message) => this.#outputs.apply(cell, message),
    });
  }
}

export function hasTag(cell: CodeCell, tag: string): boolean {
  return cell.metadata.tags?.includes(tag) === true;
}

/** What an error that came after its cell was over says; undefined when there is none. */
export function lateError(cell: CodeCell): string | undefined {
  const error = cell.outputs.find(isError);
  return error === undefined || hasTag(cell, "raises-exception") ? undefined : errorText(cell, {});
}

function problemOf(cell: CodeCell, { status, reply, idle }: ExecuteResult): string | undefined {
  if (status !== "ok" && status !== "error") return `the kernel did not run the cell: it replied "${status}"`;
  // A kernel that shows an error and then replies "ok" is not believed.
  const raised = status === "error" || cell.outputs.some(isError);
  const mustRaise = hasTag(cell, "raises-exception");
  if (raised && !mustRaise) return errorText(cell, reply);
  if (!raised && mustRaise) return "expected an error (the cell is tagged raises-exception), but it ran well";
  if (!idle) return "the kernel replied but never said that it was idle: outputs may be missing";
  return undefined;
}

/** The error in the kernel's own words: its error message, its reply, or (tslab) what the cell wrote to stderr. */
function errorText(cell: CodeCell, reply: Json): string {
  const error = cell.outputs.findLast(isError) ?? (typeof reply.ename === "string" ? reply : undefined);
  if (error !== undefined) {
    const headline = `${error.ename}: ${error.evalue}`;
    const traceback = plain(((error.traceback as string[] | undefined) ?? []).join("\n"));
    return traceback.startsWith(headline) ? traceback : `${headline}\n${traceback}`.trim();
  }
  const stderr = cell.outputs.map((output) =>
    output.output_type === "stream" && output.name === "stderr" ? text(output.text) : "",
  );
  return plain(stderr.join("")) || "the kernel reported an error without saying which";
}

function isError(output: Output): output is Extract<Output, { output_type: "error" }> {
  return output.output_type === "error";
}

/** Without colours, and the end of it where it is long. */
function plain(words: string): string {
  return stripVTControlCharacters(words).trim().split("\n").slice(-shownLines).join("\n");
}
