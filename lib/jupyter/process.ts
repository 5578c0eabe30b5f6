/** A kernel's process: its end is noticed at once, its last words are kept, and it never outlives this process. */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";

/** Kernels that still run; killed when this process ends, however it ends. */
const running = new Set<KernelProcess>();
process.on("exit", () => {
  for (const kernel of running) kernel.signal("SIGKILL");
});

const keptCharacters = 4000;
// What a dying process wrote may still be in the pipe when its exit is reported; a grandchild may keep the pipe open.
const drainMs = 100;

export class KernelProcess {
  /** Resolves with a sentence such as "exited with code 3" once the process is gone; never rejects. */
  readonly exited: Promise<string>;
  /** The same sentence, once the process is gone. */
  end: string | undefined;
  #child: ChildProcess;
  #output = "";

  constructor(argv: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv }) {
    // A group of its own: signals reach wrappers' children too, and a terminal's Ctrl-C stays with the runner.
    this.#child = spawn(argv[0]!, argv.slice(1), {
      ...options,
      detached: process.platform !== "win32",
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding("utf8");
      stream.on("data", (text: string) => {
        this.#output = (this.#output + text).slice(-keptCharacters);
      });
    }
    running.add(this);
    this.exited = new Promise<string>((resolve) => {
      this.#child.once("error", (error) => resolve(`could not be started: ${error.message}`));
      this.#child.once("exit", (code, signal) => {
        const end = signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
        const drained = setTimeout(() => resolve(end), drainMs);
        this.#child.once("close", () => {
          clearTimeout(drained);
          resolve(end);
        });
      });
    }).then((end) => {
      this.end = end;
      this.signal("SIGKILL"); // What the kernel itself started and left behind.
      this.#child.stdout?.destroy();
      this.#child.stderr?.destroy();
      running.delete(this);
      return end;
    });
  }

  /** 0 where the process could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Sends a signal to the kernel and what it started; nothing happens when they are gone. */
  signal(name: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(process.platform === "win32" ? pid : -pid, name);
    } catch {
      // Already gone.
    }
  }

  /** The last lines that the process itself printed, without colours; empty when it printed nothing. */
  lastWords(lines = 12): string {
    const text = stripVTControlCharacters(this.#output).trimEnd();
    return text === "" ? "" : text.split("\n").slice(-lines).join("\n");
  }
}
