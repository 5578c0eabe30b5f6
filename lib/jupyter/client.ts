/**
 * A kernel as a client sees it: started, asked to run code, interrupted, and shut down.
 *
 * Semantics are nbclient's: a cell is over when both its reply and its `idle` have come. Outputs go to the cell
 * that caused them, even when they come after that.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { within } from "./async.js";
import { type ConnectionInfo, newConnection } from "./connection.js";
import { Conversation, type Execution, InputRequest } from "./conversation.js";
import type { KernelSpec } from "./kernelspec.js";
import { KernelProcess } from "./process.js";
import type { Json, Message } from "./wire.js";

/** How long to wait for what should come at once, in milliseconds. */
export interface Graces {
  /** From the start of the process to its first answers. */
  readonly ready: number;
  /** Between two questions whether the iopub channel is connected. */
  readonly nudge: number;
  /** From the reply, or the last output after it, to `idle`. */
  readonly idle: number;
  /** From the interrupt of a cell that ran too long to its reply. */
  readonly interrupt: number;
  /** From the request to end to SIGTERM, and from there to SIGKILL. */
  readonly shutdown: number;
}

export const defaultGraces: Graces = {
  ready: 60_000,
  nudge: 50,
  idle: 5000,
  interrupt: 5000,
  shutdown: 2000,
};

/** The kernel did not do what a kernel must: the message is a sentence for the reader. */
export class KernelError extends Error {}

export interface StartOptions {
  readonly cwd: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly graces?: Partial<Graces>;
}

export interface ExecuteOptions {
  /** Milliseconds; then the kernel is interrupted, and killed if that does not help. */
  readonly timeout: number;
  /** Gets every iopub message of this request, even after the call has returned. */
  readonly onOutput?: (message: Message) => void;
}

export interface ExecuteResult {
  /** `ok` or `error`; of a request that was not run `aborted` (tslab: `abort`). */
  readonly status: string;
  readonly reply: Json;
  /** False when the kernel replied but never said that it was done: outputs may be missing. */
  readonly idle: boolean;
}

const startAttempts = 3;
const repeatMs = 1000;

/**
 * Starts a kernel and waits until it answers on shell and iopub.
 *
 * @throws KernelError when it cannot be started, dies, or is not ready in time.
 */
export async function startKernel(spec: KernelSpec, options: StartOptions): Promise<KernelClient> {
  for (let attempt = 1; ; attempt++) {
    const kernel = new KernelClient(spec, await newConnection(), options);
    try {
      await kernel.ready();
      return kernel;
    } catch (error) {
      await kernel.kill();
      // The ports were free when chosen, but somebody else was faster.
      if (attempt === startAttempts || !kernel.portsTaken) throw error;
    }
  }
}

export class KernelClient {
  readonly #spec: KernelSpec;
  readonly #graces: Graces;
  readonly #folder: string;
  readonly #process: KernelProcess;
  readonly #conversation: Conversation;

  constructor(spec: KernelSpec, connection: ConnectionInfo, { cwd, env, graces }: StartOptions) {
    this.#spec = spec;
    this.#graces = { ...defaultGraces, ...graces };
    this.#folder = mkdtempSync(path.join(os.tmpdir(), "workbook-kernel-"));
    const file = path.join(this.#folder, "connection.json");
    writeFileSync(file, JSON.stringify({ ...connection, kernel_name: spec.name }), { mode: 0o600 });
    this.#process = new KernelProcess(
      spec.argv.map((word) => word.replaceAll("{connection_file}", file)),
      { cwd, env: { ...process.env, ...spec.env, ...env, JPY_PARENT_PID: String(process.pid) } },
    );
    this.#conversation = new Conversation(connection);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** The content of the kernel's `kernel_info_reply`. */
  get info(): Json {
    return this.#conversation.info;
  }

  /** True when the kernel said that its ports are in use. */
  get portsTaken(): boolean {
    return /EADDRINUSE|address already in use/i.test(this.#process.lastWords());
  }

  /** Waits for the first answers. A SUB socket misses what is published before it is connected: ask until it hears. */
  async ready(): Promise<void> {
    const { ready, nudge } = this.#graces;
    const conversation = this.#conversation;
    const deadline = Date.now() + ready;
    let [asked, askedAt] = [0, 0];
    while (Date.now() < deadline && !this.portsTaken) {
      // What is sent before the kernel listens waits for it, so an unanswered question is seldom worth repeating.
      if (conversation.infoReplies >= asked || Date.now() - askedAt > repeatMs) {
        [asked, askedAt] = [asked + 1, Date.now()];
        await conversation.ask("shell", "kernel_info_request", {});
      }
      const event = await within(nudge, Promise.race([conversation.heard, this.#process.exited]));
      if (event === "heard") return this.#removeConnectionFile();
      if (event !== undefined) throw this.#failed(event);
    }
    throw this.#failed(this.portsTaken ? "found its ports in use" : `was not ready after ${ready / 1000} s`);
  }

  /**
   * Runs code; input from stdin is refused.
   *
   * @throws KernelError when the kernel dies, asks for input, or takes longer than `timeout`.
   */
  async execute(code: string, { timeout, onOutput = () => {} }: ExecuteOptions): Promise<ExecuteResult> {
    const execution = await this.#conversation.execute(code, onOutput);
    const replied = Promise.race([
      execution.replied.promise,
      this.#process.exited.then((end) => this.#failed(end)),
    ]);
    const reply = (await within(timeout, replied)) ?? (await this.#stop(execution, replied, timeout));
    if (reply instanceof KernelError) throw reply;
    if (reply instanceof InputRequest) {
      throw new KernelError(`asked for input ("${reply.prompt}"), but a headless run has none to give`);
    }
    const idle = await this.#becomesIdle(execution, timeout);
    if (!idle && this.#process.end !== undefined) throw this.#failed(this.#process.end);
    return { status: String(reply.status), reply, idle };
  }

  /** Asks the kernel to stop what it runs, in the way its kernelspec names. */
  async interrupt(): Promise<void> {
    if (this.#spec.interruptMode === "signal") this.#process.signal("SIGINT");
    else await this.#conversation.ask("control", "interrupt_request", {});
  }

  /** Asks the kernel to end, then makes it; afterwards nothing of it is left. */
  async shutdown(): Promise<void> {
    await this.#conversation.ask("control", "shutdown_request", { restart: false });
    const grace = this.#graces.shutdown;
    if ((await within(grace, this.#process.exited)) === undefined) {
      this.#process.signal("SIGTERM");
      await within(grace, this.#process.exited);
    }
    await this.kill();
  }

  /** Ends the kernel at once. */
  async kill(): Promise<void> {
    this.#process.signal("SIGKILL");
    await this.#process.exited;
    this.#conversation.close();
    this.#removeConnectionFile();
  }

  /** Ends a request that takes too long, the kernel with it if need be, and says so. */
  async #stop(execution: Execution, replied: Promise<unknown>, timeout: number): Promise<KernelError> {
    const late = `timed out after ${timeout / 1000} s`;
    await this.interrupt();
    if ((await within(this.#graces.interrupt, replied)) === undefined) {
      this.#process.signal("SIGKILL");
      return new KernelError(
        `${late}, did not react to an interrupt, and was killed${this.#conversation.dropped}`,
      );
    }
    // Its outputs may say where it was.
    await this.#becomesIdle(execution, timeout);
    return new KernelError(`${late} and was interrupted${this.#conversation.dropped}`);
  }

  /** Waits for `idle` after the reply while messages keep coming, but no longer than `timeout`. */
  async #becomesIdle(execution: Execution, timeout: number): Promise<boolean> {
    const ended = Promise.race([execution.idle.promise, this.#process.exited]);
    for (const deadline = Date.now() + timeout; ; ) {
      const { heard } = execution;
      const event = await within(this.#graces.idle, ended);
      if (event !== undefined) return event === "idle";
      if (execution.heard === heard || Date.now() > deadline) return false;
    }
  }

  /** Once the kernel has read it, nobody needs the key on disk. */
  #removeConnectionFile(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #failed(what: string): KernelError {
    const words = this.#process.lastWords();
    const said = words === "" ? "" : `; its last words:\n${words}`;
    return new KernelError(`the kernel "${this.#spec.name}" ${what}${this.#conversation.dropped}${said}`);
  }
}
