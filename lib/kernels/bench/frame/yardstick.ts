/** PyTorch in a process of its own, on the same inputs: `torch/main.py`, asked in lines of JSON. */

import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { assertClose } from "../../../assert-close.js";
import { root } from "../../../root.js";
import type { Case, TorchProblem } from "./benchmark.js";
import { converse } from "./child.js";
import type { Effort } from "./clock.js";
import type { Missing, Timed } from "./measure.js";
import type { Filed } from "./worker.js";

/** Its name stands as `rung`; it has no wall time besides. */
export interface TorchTimed extends Timed {
  readonly precision: string;
}

export interface TorchInfo {
  /** "cuda, NVIDIA A10", or "cpu, …". */
  readonly device: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Packages that are not used, and why. */
  readonly absent: Readonly<Record<string, string>>;
}

export interface Question extends Effort {
  readonly inputs: readonly Filed[];
  /** The workbook's results, which PyTorch's are compared with. */
  readonly outputs: readonly Filed[];
  /** For PyTorch's results. */
  readonly folder: string;
}

type FromTorch =
  | { readonly hello: TorchInfo }
  | { readonly starting: string }
  | { readonly name: string; readonly missing: string }
  | {
      readonly name: string;
      readonly precision: string;
      readonly milliseconds: number;
      readonly iqr: number;
      readonly outputs: readonly Filed[];
    }
  | { readonly done: true };

/** How far numbers may be from ours that were computed with fewer digits: 10 bits of them, and 7. */
const coarse: Readonly<Record<string, number>> = { tf32: 2e-2, bfloat16: 1e-1 };

const SCRIPT = path.join(root, "lib/kernels/bench/torch/main.py");

/** Importing PyTorch takes seconds, and minutes from a cold disk. */
const STARTING_SECONDS = 180;

export class Yardstick {
  readonly #python: string;
  readonly #script: string;
  readonly #seconds: number;
  #child: ChildProcess | undefined;
  #lines: EventEmitter | undefined;

  /** @param seconds longest that one of PyTorch's measurements may take, with the compilation of its kernels. */
  constructor(python: string, seconds: number, script: string = SCRIPT) {
    [this.#python, this.#seconds, this.#script] = [python, seconds, script];
  }

  /** @throws Ended with the reason when there is no such Python, or it has no PyTorch. */
  async start(): Promise<TorchInfo> {
    this.#child = spawn(this.#python, [this.#script], { stdio: ["pipe", "pipe", "pipe"] });
    // It may be gone when it is asked; the conversation says so.
    this.#child.stdin!.on("error", () => {});
    const lines = new EventEmitter();
    this.#lines = lines;
    createInterface({ input: this.#child.stdout! }).on("line", (line) =>
      lines.emit("message", JSON.parse(line)),
    );
    try {
      return await this.#converse(STARTING_SECONDS, (message) =>
        "hello" in message ? message.hello : undefined,
      );
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** A process that is late or ends is started anew, and goes on behind what it failed at. */
  async measure(one: Case, question: Question): Promise<{ timed: TorchTimed[]; missing: Missing[] }> {
    const [timed, missing]: [TorchTimed[], Missing[]] = [[], []];
    const fail = (name: string, reason: string) =>
      missing.push({ rung: `PyTorch: ${name}`, reason, wrong: false });
    for (let [over, skip]: [boolean, string[]] = [false, []]; !over; ) {
      let doing = "start";
      try {
        if (this.#child === undefined) await this.start();
        const told = this.#converse(this.#seconds, (message) => {
          if ("starting" in message) doing = message.starting;
          else if ("missing" in message) fail(message.name, message.missing);
          else if ("milliseconds" in message) {
            const { name: rung, milliseconds, iqr, precision, outputs } = message;
            const wrong = difference(one, precision, outputs, question.outputs);
            if (wrong === undefined) timed.push({ rung, milliseconds, iqr, wall: milliseconds, precision });
            else fail(rung, wrong);
          }
          return "done" in message ? true : undefined;
        });
        this.#child!.stdin!.write(`${JSON.stringify(asked(one.torch!, question, skip))}\n`);
        await told;
        over = true;
      } catch (error) {
        this.stop();
        fail(doing, (error as Error).message);
        over = doing === "start" || skip.includes(doing);
        skip = [...skip, ...[...timed, ...missing].map(({ rung }) => rung.replace(/^PyTorch: /, ""))];
      }
    }
    return { timed, missing };
  }

  stop(): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }

  async #converse<R>(seconds: number, listen: (message: FromTorch) => R | undefined): Promise<R> {
    return converse<FromTorch, R>(this.#child!, this.#lines!, seconds, listen);
  }
}

function asked({ problem, options, gradients }: TorchProblem, question: Question, skip: readonly string[]) {
  const { inputs, folder, batches, milliseconds } = question;
  return {
    problem,
    options: options ?? {},
    gradients: gradients ?? 0,
    inputs,
    folder,
    batches,
    milliseconds,
    skip,
  };
}

/** In words; undefined where PyTorch computes what we do. */
function difference(
  { rounding }: Case,
  precision: string,
  theirs: readonly Filed[],
  ours: readonly Filed[],
): string | undefined {
  const because = `${precision}, ${rounding.because}`;
  const tolerance = Math.max(rounding.tolerance, coarse[precision] ?? 0);
  try {
    ours.forEach((expected, i) => {
      assertClose(
        read(theirs[i]!),
        read(expected),
        { tolerance, because },
        "computes other numbers than ours",
      );
    });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function read({ path: file, shape }: Filed) {
  const { buffer, byteOffset, byteLength } = readFileSync(file);
  return { shape, data: new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength)) };
}
