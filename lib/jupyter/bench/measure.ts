/** Measures one kernel from outside, as a client sees it. */

import { root } from "../../root.js";
import { type KernelClient, startKernel } from "../client.js";
import type { Message } from "../wire.js";
import type { Contestant } from "./kernels.js";
import { treeMegabytes } from "./memory.js";

/** Times in milliseconds, memory in MB; undefined where the kernel could not do it. */
export interface Figures {
  /** From the process's start to the first cell's result. */
  readonly start: number | undefined;
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  /** Median of cells that use TensorFlow.js's types. */
  readonly tfjs: number | undefined;
  readonly memory150: number | undefined;
  readonly memory500: number | undefined;
  /** Median of the last 50 of 500 cells, each of which uses the one before. */
  readonly p50At500: number | undefined;
  /** A million lines, until the cell is idle; undefined unless all have come, in order. */
  readonly lines: number | undefined;
  /** How many of them came in order. */
  readonly inOrder: number;
  /** Stream messages that they came in. */
  readonly messages: number;
}

export interface Effort {
  readonly starts: number;
  readonly lines: number;
}

const timeout = 120_000;
const warmUp = 10;

export async function measure(contestant: Contestant, { starts, lines }: Effort): Promise<Figures> {
  const spec = contestant.spec();
  const fresh = async <T>(work: (kernel: KernelClient) => Promise<T>): Promise<T> => {
    const kernel = await startKernel(spec, { cwd: root });
    try {
      return await work(kernel);
    } finally {
      await kernel.shutdown();
    }
  };
  const toFirst: number[] = [];
  for (let i = 0; i < starts; i++) {
    const begun = performance.now();
    toFirst.push(
      await fresh(async (kernel) => {
        await kernel.execute(contestant.small(0), { timeout });
        return performance.now() - begun;
      }),
    );
  }
  const many = await fresh((kernel) => cells(kernel, contestant));
  const { tfjs } = contestant;
  const typed =
    tfjs &&
    (await fresh(async (kernel) => {
      await run(kernel, tfjs.load);
      return series(kernel, tfjs.use, 0, 60);
    }));
  const printed = await fresh((kernel) => print(kernel, contestant, lines));
  return {
    start: quantile(toFirst, 0.5),
    tfjs: typed && quantile(typed.slice(warmUp), 0.5),
    ...many,
    ...printed,
  };
}

async function cells(kernel: KernelClient, { small }: Contestant) {
  const first = await series(kernel, small, 0, 150);
  const memory150 = treeMegabytes(kernel.pid);
  const rest = await series(kernel, small, 150, 500);
  return {
    p50: quantile(first.slice(warmUp), 0.5),
    p95: quantile(first.slice(warmUp), 0.95),
    memory150,
    memory500: treeMegabytes(kernel.pid),
    p50At500: quantile(rest.slice(-50), 0.5),
  };
}

async function series(kernel: KernelClient, cell: (i: number) => string, from: number, to: number) {
  const times: number[] = [];
  for (let i = from; i < to; i++) {
    const begun = performance.now();
    await run(kernel, cell(i));
    times.push(performance.now() - begun);
  }
  return times;
}

async function run(kernel: KernelClient, code: string): Promise<void> {
  const { status, reply } = await kernel.execute(code, { timeout });
  if (status !== "ok") throw new Error(`\`${code}\` failed: ${reply.ename}: ${reply.evalue}`);
}

async function print(kernel: KernelClient, { lines }: Contestant, count: number) {
  let [next, rest, messages] = [0, "", 0];
  const begun = performance.now();
  const onOutput = ({ header, content }: Message) => {
    if (header.msg_type !== "stream") return;
    messages++;
    const whole = (rest + String(content.text)).split("\n");
    rest = whole.pop()!;
    for (const line of whole) if (line === String(next)) next++;
  };
  // A kernel may lose `idle`, or die, with the lines.
  const ended = await kernel.execute(lines(count), { timeout, onOutput }).catch(() => undefined);
  const ms = performance.now() - begun;
  const whole = ended?.idle === true && next === count;
  return { lines: whole ? ms : undefined, inOrder: next, messages };
}

export function quantile(samples: readonly number[], p: number): number {
  return samples.toSorted((a, b) => a - b)[Math.floor(p * (samples.length - 1))]!;
}
