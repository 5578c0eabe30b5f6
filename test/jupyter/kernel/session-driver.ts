/** Runs cells one after the other and keeps what they showed. */

import process from "node:process";
import type { CellError, CellOutput } from "../../../lib/jupyter/kernel/seams.js";
import { type ClosableSession, createSession } from "../../../lib/jupyter/kernel/session/session.js";
import { root } from "../../../lib/root.js";

export class Driver {
  readonly session: ClosableSession;
  readonly outputs: { output: CellOutput; cell: number }[] = [];
  readonly late: { error: CellError; cell: number }[] = [];
  #count = 0;

  constructor(cwd: string = process.cwd(), from: string = root) {
    this.session = createSession({ cwd, root: from });
    this.session.onOutput = (output, cell) => this.outputs.push({ output, cell });
    this.session.onLateError = (error, cell) => this.late.push({ error, cell });
  }

  /** One cell: its error, the text of its result, and what it wrote and displayed meanwhile. */
  async run(code: string) {
    const count = ++this.#count;
    const from = this.outputs.length;
    const { error } = await this.session.execute({ code, count, silent: false });
    const shown = this.outputs.slice(from).map(({ output }) => output);
    const result = shown.find((output) => output.kind === "result");
    return {
      error,
      shown,
      result: result?.data["text/plain"] as string | undefined,
      bundle: result?.data,
      stdout: text(shown, "stdout"),
      stderr: text(shown, "stderr"),
    };
  }

  /** All cells; the text of the last one's result, or `Name: message` of the first that failed. */
  async last(cells: readonly string[]): Promise<string | undefined> {
    let result: string | undefined;
    for (const code of cells) {
      const done = await this.run(code);
      if (done.error) return `${done.error.ename}: ${done.error.evalue}`;
      result = done.stdout !== "" ? done.stdout + (done.result ?? "") : done.result;
    }
    return result;
  }
}

function text(shown: readonly CellOutput[], name: "stdout" | "stderr"): string {
  return shown
    .map((output) => (output.kind === "stream" && output.name === name ? output.text : ""))
    .join("");
}

/** A traceback without colours. */
export function plain(error: CellError | undefined): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
  return (error?.traceback ?? []).join("\n").replace(/\u001b\[[\d;]+m/g, "");
}

/** Mocha takes every uncaught error for a failed test: here only the session listens. */
export async function withoutMocha(work: () => Promise<void>): Promise<void> {
  const events = ["uncaughtException", "unhandledRejection"] as unknown as "uncaughtException"[];
  const set = events.map((event) => {
    const [first, ...rest] = process.listeners(event);
    const mocha = rest.length > 0 ? [first!] : [];
    for (const listener of mocha) process.off(event, listener);
    return { event, mocha };
  });
  try {
    await work();
  } finally {
    for (const { event, mocha } of set)
      for (const listener of mocha) process.prependListener(event, listener);
  }
}
