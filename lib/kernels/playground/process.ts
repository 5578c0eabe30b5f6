/** The playground's process, seen from outside: started when it is needed, told one job at a time, killed when it is late. */

import { type ChildProcess, fork } from "node:child_process";
import path from "node:path";
import { root } from "../../root.js";
import { type Failure, KernelError } from "./failure.js";
import type { Job, Ran } from "./job.js";
import type { FromChild } from "./messages.js";
import type { Stage } from "./runner.js";

/** Always the compiled file: a copy that a notebook's kernel makes of an edited source cannot be started alone. */
const CHILD = path.join(root, "lib/dist/lib/kernels/playground/child.js");

/** It starts in a second, on a machine that has nothing else to do. */
const STARTING_SECONDS = 60;

export class PlaygroundProcess {
  /** Resolves when the process is really gone. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #ready: Promise<void>;
  /** Who waits for the next message; nobody between jobs. */
  #listener: { told(message: FromChild): void; gone(failure: Failure): void } | undefined;
  #gone: Failure | undefined;
  #errors = "";

  constructor(file: string = CHILD) {
    const stdio: ("ignore" | "pipe" | "ipc")[] = ["ignore", "ignore", "pipe", "ipc"];
    this.#child = fork(file, { serialization: "advanced", execArgv: [], stdio });
    this.ended = new Promise((resolve) => this.#child.once("exit", () => resolve()));
    this.#child.on("message", (message: FromChild) => this.#listener?.told(message));
    this.#child.on("error", (error) => this.#end({ reason: "crash", message: error.message }));
    this.#child.on("exit", (code, signal) => this.#end(crash(signal ?? `exit code ${code}`, this.#errors)));
    this.#child.stderr?.on("data", (chunk) => {
      this.#errors = `${this.#errors}${chunk}`.slice(-2000);
    });
    this.#ready = this.#until("ready", STARTING_SECONDS, () => "starting the GPU").then(() => {});
    // Whoever runs a job hears of it.
    this.#ready.catch(() => {});
  }

  /** False once it ended or was killed. */
  get isAlive(): boolean {
    return this.#gone === undefined;
  }

  /** Resolves when it has a GPU. @throws KernelError */
  async started(): Promise<void> {
    await this.#held(() => this.#ready);
  }

  /** @throws KernelError; after "slow", "lost", "crash" and "no gpu" the process is gone. */
  async run(job: Job, seconds: number): Promise<Ran> {
    return this.#held(async () => {
      await this.#ready;
      return (await this.#until("ran", seconds, words, job)).ran;
    });
  }

  kill(): void {
    this.#end({ reason: "crash", message: "the process that runs kernels was ended" });
  }

  /** Waits for one message; each stage that is announced before it may take `seconds`. */
  #until<K extends "ready" | "ran">(
    kind: K,
    seconds: number,
    describe: (stage: Stage) => string,
    job?: Job,
  ): Promise<Extract<FromChild, { kind: K }>> {
    let [stage, timer]: [Stage, NodeJS.Timeout | undefined] = ["compiling", undefined];
    const late = () =>
      this.#end({
        reason: "slow",
        message: `${describe(stage)} took longer than ${seconds} s and was ended`,
      });
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(late, seconds * 1000);
    };
    return new Promise<Extract<FromChild, { kind: K }>>((resolve, reject) => {
      if (this.#gone !== undefined) return reject(new KernelError(this.#gone));
      wait();
      this.#listener = {
        told: (message) => {
          if (message.kind === "stage") {
            stage = message.stage;
            wait();
          } else if (message.kind === "failed") {
            if (message.failure.reason === "no gpu" || message.failure.reason === "lost")
              this.#end(message.failure);
            else reject(new KernelError(message.failure));
          } else if (message.kind === kind) resolve(message as Extract<FromChild, { kind: K }>);
        },
        gone: (failure) => reject(new KernelError(failure)),
      };
      if (job !== undefined) this.#child.send(job);
    }).finally(() => {
      clearTimeout(timer);
      this.#listener = undefined;
    });
  }

  #end(failure: Failure): void {
    if (this.#gone !== undefined) return;
    this.#gone = failure;
    this.#child.kill("SIGKILL");
    this.#listener?.gone(failure);
  }

  /** Between jobs the process keeps nobody from ending; it ends itself when this one is gone. */
  async #held<T>(work: () => Promise<T>): Promise<T> {
    this.#hold(true);
    try {
      return await work();
    } finally {
      this.#hold(false);
    }
  }

  #hold(on: boolean): void {
    const channel = this.#child.channel as { ref(): void; unref(): void } | null | undefined;
    const stderr = this.#child.stderr as unknown as { ref(): void; unref(): void } | null;
    for (const each of [this.#child, channel, stderr]) on ? each?.ref() : each?.unref();
  }
}

function words(stage: Stage): string {
  if (stage === "compiling") return "compiling the WGSL";
  if (stage === "running") return "the kernel (is there a loop that does not end?)";
  return "the kernel, with other numbers behind the ends of its buffers (it reads there),";
}

function crash(how: string, errors: string): Failure {
  const last = errors.trim().split("\n").at(-1) ?? "";
  const said = last === "" ? "" : `: ${last}`;
  return { reason: "crash", message: `the process that runs kernels crashed (${how})${said}` };
}
