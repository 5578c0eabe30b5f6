/**
 * Workers that judge submissions side by side. While one waits for an answer that does not end, another takes its place.
 * One that dies, or says nothing for too long, is replaced, and its
 * submission tried once more; what kills two workers is given up, and the others go on.
 */

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Diagnose } from "../submissions/types.js";
import type { Judgement, Task } from "./outcome.js";
import { BrokenGrader, type FromWorker, type ToWorker } from "./protocol.js";

/** Workers that a submission may cost. */
const DEATHS = 2;

/** Milliseconds without a sign of life after which a worker is taken to wait for an answer that does not end. */
const STALL = 1500;

/** Meanwhile another one works in its place. So many times `jobs` there may be: those who wait take processor time too. */
const MOST_LANES = 3;

export interface PoolOptions {
  readonly jobs: number;
  /** Absolute path of the module that exports `judgeTask`. */
  readonly judge: string;
  /** Milliseconds without a sign of life after which a worker counts as dead. */
  readonly patience: number;
  /** Milliseconds of silence, after its first message about a task, that a worker may keep others waiting. */
  readonly stall?: number;
  /** Answers the workers' questions about types. */
  readonly diagnose: Diagnose;
  readonly onStart: (task: Task) => void;
  readonly onJudged: (task: Task, judgement: Judgement) => void;
  /** The submission killed its workers; `message` says how. */
  readonly onGivenUp: (task: Task, message: string) => void;
  /** A worker died and is replaced: worth a line for the instructor. */
  readonly onReplaced: (task: Task, how: string) => void;
}

/**
 * Judges every task; returns when all are judged or given up, and no worker is left.
 *
 * @throws BrokenGrader when no submission can be judged at all; Error when workers cannot even start.
 */
export async function judgeAll(tasks: readonly Task[], options: PoolOptions): Promise<void> {
  const { jobs, stall = STALL } = options;
  const waiting = [...tasks];
  const workers = new Set<Worker>();
  const idle: Worker[] = [];
  let [lanes, stalled] = [0, 0];
  let isOver = false;
  const lane = async (open: () => void) => {
    let worker = idle.pop();
    const onStall = (by: 1 | -1) => {
      stalled += by;
      open();
    };
    while (lanes - stalled <= jobs) {
      const task = waiting.shift();
      if (task === undefined) break;
      options.onStart(task);
      for (let death = 1; ; death++) {
        worker ??= track(new Worker(options), workers);
        const end = await worker.judge(task, stall, onStall);
        if ("judgement" in end) {
          options.onJudged(task, end.judgement);
          break;
        }
        if (isOver) return;
        worker = undefined;
        if (death === DEATHS) {
          options.onGivenUp(task, end.died);
          break;
        }
        options.onReplaced(task, end.died);
      }
    }
    if (worker !== undefined) idle.push(worker);
  };
  try {
    await new Promise<void>((resolve, reject) => {
      const open = () => {
        while (waiting.length > 0 && lanes - stalled < jobs && lanes < jobs * MOST_LANES) {
          lanes++;
          lane(open).then(() => {
            lanes--;
            if (lanes === 0) resolve();
          }, reject);
        }
        if (lanes === 0) resolve();
      };
      open();
    });
  } finally {
    isOver = true;
    waiting.length = 0;
    await Promise.all([...workers].map((worker) => worker.end()));
  }
}

function track(worker: Worker, workers: Set<Worker>): Worker {
  workers.add(worker);
  void worker.gone.then(() => workers.delete(worker));
  return worker;
}

type End = { readonly judgement: Judgement } | { readonly died: string };

class Worker {
  /** Settles when the process is gone, with how it went. */
  readonly gone: Promise<string>;
  readonly #child: ChildProcess;
  readonly #ready: Promise<boolean>;
  readonly #patience: number;
  readonly #diagnose: Diagnose;
  #listener: (message: FromWorker) => void = () => {};
  #killed: string | undefined;

  constructor({ judge, patience, diagnose }: PoolOptions) {
    this.#patience = patience;
    this.#diagnose = diagnose;
    this.#child = fork(fileURLToPath(new URL("./worker.js", import.meta.url)), [judge], {
      execArgv: [],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#child.on("message", (message: FromWorker) => this.#listener(message));
    this.gone = new Promise((resolve) => {
      this.#child.on("error", (error) => resolve(error.message));
      this.#child.on("exit", (code, signal) =>
        resolve(
          this.#killed ?? (signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`),
        ),
      );
    });
    this.#ready = Promise.race([
      new Promise<boolean>((resolve) => {
        this.#listener = ({ kind }) => resolve(kind === "ready");
      }),
      this.gone.then(() => false),
    ]);
  }

  /** @param onStall told `1` when the worker falls silent for `stall` milliseconds, and `-1` when that is over. */
  async judge(task: Task, stall: number, onStall: (by: 1 | -1) => void): Promise<End> {
    if (!(await this.#ready)) throw new Error(`a worker could not start: ${await this.gone}`);
    let timer: NodeJS.Timeout | undefined;
    let stallTimer: NodeJS.Timeout | undefined;
    let isStalled = false;
    const setStalled = (value: boolean) => {
      if (isStalled === value) return;
      isStalled = value;
      onStall(value ? 1 : -1);
    };
    const heard = () => {
      clearTimeout(stallTimer);
      setStalled(false);
      stallTimer = setTimeout(() => setStalled(true), stall);
    };
    const wind = () => {
      clearTimeout(timer);
      timer = setTimeout(
        () => this.#kill(`it gave no sign of life for ${this.#patience / 1000} s`),
        this.#patience,
      );
    };
    try {
      return await new Promise<End>((resolve, reject) => {
        this.#listener = (message) => {
          wind();
          heard();
          if (message.kind === "diagnose") void this.#answer(message);
          if (message.kind === "judged") resolve({ judgement: message.judgement });
          if (message.kind === "broken") reject(new BrokenGrader(message.message));
        };
        void this.gone.then((died) => resolve({ died }));
        wind();
        this.#say({ kind: "judge", task });
      });
    } finally {
      clearTimeout(timer);
      clearTimeout(stallTimer);
      setStalled(false);
    }
  }

  async #answer({ text, signatures }: Extract<FromWorker, { kind: "diagnose" }>): Promise<void> {
    try {
      this.#say({ kind: "diagnosed", found: await this.#diagnose(text, signatures) });
    } catch (error) {
      this.#say({ kind: "undiagnosed", message: (error as Error).message });
    }
  }

  #say(message: ToWorker): void {
    // An error here means that the process is gone, which is noticed anyway.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  /** Closing the channel ends a worker, unless it is stuck. */
  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#kill("it did not end by itself"), 2_000);
    await this.gone;
    clearTimeout(timer);
  }

  #kill(why: string): void {
    this.#killed = why;
    this.#child.kill("SIGKILL");
  }
}
