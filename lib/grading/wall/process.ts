/** One process without rights, seen from outside: it is asked one thing at a time, and every byte from it is suspect. */

import type { Buffer } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import type { Duplex, Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { Allowance } from "./allowance.js";
import { bundle } from "./bundle.js";
import { type Clock, clockOf, innermost, wallClock } from "./clock.js";
import { Conversation } from "./conversation.js";
import { encode } from "./encode.js";
import { frame } from "./frames.js";
import { command, identity, NODES_OWN_MB } from "./jail.js";
import { type Limits, MOST_THREADS } from "./limits.js";
import { residentBytes, threads } from "./memory.js";
import type { Reply, Request } from "./messages.js";
import { endProcessesOf } from "./user.js";
import { WireError } from "./wire.js";

/** The process is gone, or had to be killed; the message completes "softmax …", unless it came too late. */
export class Stopped extends Error {
  override readonly name = "Stopped";
  readonly isLate: boolean;

  constructor(message: string, isLate = false) {
    super(message);
    this.isLate = isLate;
  }
}

/** Beyond a value: what a message says besides. */
const ENVELOPE = 4096;

const CHANNEL = 3;

/** It starts in a tenth of a second, on a machine that has nothing else to do. */
const STARTING_SECONDS = 120;

/** Milliseconds between two looks at its time, at least. */
const GLANCE = 50;

/** A request without its number: the process gives each one a number that nobody can guess. */
export type Question = Request extends infer R ? (R extends unknown ? Omit<R, "id"> : never) : never;

export class WalledProcess {
  readonly #child: ChildProcess;
  readonly #channel: Duplex;
  readonly #conversation: Conversation;
  readonly #limits: Limits;
  readonly #ready: Promise<Reply>;
  readonly #gone: Promise<void>;
  /** Its own time, known once it listens. */
  #clock: Clock = wallClock;
  /** Ends the waiting for a reply; undefined while none is awaited. */
  #giveUp: ((why: Stopped) => void) | undefined;
  /** Why it takes no more requests. */
  #stopped: Stopped | undefined;
  #printed = 0;

  constructor(limits: Limits, onOutput: (text: string) => void, start = command) {
    this.#limits = limits;
    const { file, args, env = {}, user, isMemoryUnlimited } = start(bundle().folder, limits);
    this.#child = spawn(file, args, {
      ...{ env, cwd: "/", stdio: ["ignore", "pipe", "pipe", "pipe"] },
      ...identity(user),
    });
    this.#gone = new Promise((resolve) => this.#child.once("close", () => resolve()));
    this.#channel = this.#child.stdio[CHANNEL] as Duplex;
    this.#conversation = new Conversation(limits.valueBytes + ENVELOPE);
    const patience = performance.now() + 1000 * STARTING_SECONDS;
    this.#ready = this.#reply(0, () => (patience - performance.now()) / 1000);
    // Whoever starts it asks; nobody may, when it is closed first.
    this.#ready.catch(() => {});
    this.#child.on("error", (error) => this.#stop(`could not be started: ${error.message}`));
    this.#child.on("exit", (code, signal) => this.#stop(describeExit(code, signal, limits)));
    this.#channel.on("data", (chunk: Buffer) => this.#receive(chunk));
    // What is wrong with the channel shows in the exit, or in the time without an answer.
    this.#channel.on("error", () => {});
    this.#watch(isMemoryUnlimited === true);
    if (user !== undefined) this.#child.once("exit", () => endProcessesOf(user));
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) this.#collect(stream, onOutput);
  }

  /** False once it was stopped, or ended by itself. */
  get isAlive(): boolean {
    return this.#stopped === undefined;
  }

  /** Resolves when it listens. @throws Stopped */
  async started(): Promise<void> {
    await this.#ready;
    // Found now, as long as nothing of a submission runs in it.
    const pid = innermost(this.#child.pid!);
    if (this.#clock === wallClock && pid !== undefined) this.#clock = clockOf(pid);
  }

  /**
   * Asks, and waits. An answer counts when the process has answered a second question that it could not foresee:
   * then whatever it sent besides has been seen as well.
   *
   * @param allowance pays for the time that it takes.
   * @throws Stopped when it did not answer properly in time; it is dead then.
   */
  async ask(question: Question, allowance: Allowance): Promise<Reply> {
    return allowance.spend(this.#clock, async (left) => {
      const reply = await this.#exchange(question, left);
      await this.#exchange({ kind: "confirm" }, left);
      return reply;
    });
  }

  /** Kills it. Resolves when it is gone and all that it printed has been passed on. */
  async close(): Promise<void> {
    this.#stop("was closed");
    await this.#gone;
  }

  async #exchange(question: Question, left: () => number): Promise<Reply> {
    if (this.#stopped !== undefined) throw this.#stopped;
    const id = randomInt(2 ** 47);
    const reply = this.#reply(id, left);
    for (const part of frame(encode({ ...question, id }))) this.#channel.write(part);
    return reply;
  }

  /** @param left seconds after which its time may be up. */
  async #reply(id: number, left: () => number): Promise<Reply> {
    let timer: NodeJS.Timeout;
    const wait = (seconds: number) => {
      timer = setTimeout(
        () => {
          const more = left();
          if (more > 0) wait(more);
          else this.#stop(overtime(this.#limits), true);
        },
        Math.max(seconds * 1000, GLANCE),
      );
    };
    wait(left());
    try {
      return await new Promise<Reply>((resolve, reject) => {
        this.#conversation.expect(id, resolve);
        this.#giveUp = reject;
      });
    } finally {
      clearTimeout(timer!);
      this.#giveUp = undefined;
    }
  }

  #receive(chunk: Buffer): void {
    if (this.#stopped !== undefined) return;
    try {
      this.#conversation.receive(chunk);
    } catch (error) {
      this.#stop(`sent its judge ${error instanceof WireError ? error.message : "what nobody can read"}`);
    }
  }

  #collect(stream: Readable, onOutput: (text: string) => void): void {
    const decoder = new StringDecoder("utf8");
    stream.on("data", (chunk: Buffer) => {
      const left = this.#limits.outputBytes - this.#printed;
      this.#printed += chunk.length;
      if (left > 0) onOutput(decoder.write(chunk.subarray(0, left)));
      if (chunk.length > left) this.#stop(`printed more than ${this.#limits.outputBytes} bytes`);
    });
    stream.on("error", () => {});
  }

  /** What the system does not keep in bounds. */
  #watch(isMemoryUnlimited: boolean): void {
    const { memoryMB } = this.#limits;
    const { pid } = this.#child;
    if (pid === undefined) return;
    const timer = setInterval(() => {
      if (threads(pid, MOST_THREADS) > MOST_THREADS) {
        this.#stop(`started more than ${MOST_THREADS} threads or processes`);
      }
      if (isMemoryUnlimited && residentBytes(pid) > (memoryMB + NODES_OWN_MB) * 2 ** 20) {
        this.#stop(crashed(this.#limits));
      }
    }, 100);
    this.#child.on("exit", () => clearInterval(timer));
  }

  #stop(why: string, isLate = false): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = new Stopped(why, isLate);
    this.#child.kill("SIGKILL");
    this.#channel.destroy();
    this.#giveUp?.(this.#stopped);
  }
}

export function overtime({ seconds }: Limits): string {
  return `no result within ${seconds} s`;
}

function describeExit(code: number | null, signal: NodeJS.Signals | null, limits: Limits): string {
  // A shell's way of telling a signal, which bubblewrap has too.
  if (signal !== null || code! > 128) return crashed(limits);
  return `ended its process (exit code ${code})`;
}

/** The same words for all ways to run out of memory: which of them it is may differ from run to run. */
function crashed({ memoryMB }: Limits): string {
  return `crashed its process, which may use ${memoryMB} MB of memory`;
}
