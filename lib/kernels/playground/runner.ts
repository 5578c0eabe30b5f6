/** Runs a job on a device: twice for its result, some more times for its time, twice with guards behind its buffers. */

import { compile, explain, firstSentence, unwatched } from "./compile.js";
import { Dispatcher } from "./dispatcher.js";
import { examine } from "./examine.js";
import { KernelError } from "./failure.js";
import type { Job, Ran } from "./job.js";

/** What the process does at the moment: each may take its time. */
export type Stage = "compiling" | "running" | "examining";

/** Time is measured again and again until this much is spent, or this often. */
const TIMING = { milliseconds: 150, runs: 20 };

/** From the first sign that a device is lost until it is said. */
const LOSS_MILLISECONDS = 1000;

/**
 * @param onStage told before each step that the kernel may make long.
 * @throws KernelError
 */
export async function runJob(
  device: GPUDevice,
  job: Job,
  onStage: (stage: Stage) => void = () => {},
): Promise<Omit<Ran, "adapter">> {
  onStage("compiling");
  const { pipeline, messages } = await compile(device, job);
  const hidden = unwatched(job);
  const watched = hidden.length <= job.inputs.length;
  const dispatcher = await caught(device, job, async () => new Dispatcher(device, pipeline, job));
  try {
    return await caught(device, job, async () => {
      onStage("running");
      const first = await dispatcher.run({ round: 0 });
      onStage("running");
      const second = await dispatcher.run({ round: 1 });
      const times = [second.milliseconds];
      const runs = job.isTimed === false ? 1 : TIMING.runs;
      for (let spent = second.milliseconds; spent < TIMING.milliseconds && times.length < runs; ) {
        onStage("running");
        const { milliseconds } = await dispatcher.run({ round: 0, isRead: false });
        times.push(milliseconds);
        spent += milliseconds;
      }
      const exact = [first.words, second.words] as const;
      const seen = { length: job.output, exact };
      const guarded = async (round: 0 | 1) => {
        onStage("examining");
        return (await dispatcher.run({ round, unwatched: hidden })).words;
      };
      const findings = examine(watched ? { ...seen, guarded: [await guarded(0), await guarded(1)] } : seen);
      return {
        output: new Float32Array(first.words.buffer, first.words.byteOffset, job.output).slice(),
        milliseconds: median(times),
        clock: dispatcher.clock,
        runs: times.length,
        messages,
        findings: { ...findings, unwatched: hidden },
      };
    });
  } finally {
    dispatcher.destroy();
  }
}

/** Errors of WebGPU during `work` as KernelErrors: a lost device, memory that is not there, what does not fit. */
async function caught<T>(device: GPUDevice, job: Job, work: () => Promise<T>): Promise<T> {
  const lost = device.lost.then(({ message }): never => {
    throw new KernelError({ reason: "lost", message: `the GPU device was lost: ${firstSentence(message)}` });
  });
  // Lost after the work, it is nobody's error here.
  lost.catch(() => {});
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  const done = await Promise.race([settled(work()), lost]);
  const [validation, memory] = [await device.popErrorScope(), await device.popErrorScope()];
  if (memory !== null) {
    const message = `the GPU has too little memory for these buffers: ${firstSentence(memory.message)}`;
    throw new KernelError({ reason: "launch", message });
  }
  if (validation !== null)
    throw new KernelError({ reason: "launch", message: explain(job, validation.message) });
  if ("value" in done) return done.value;
  // What waits for a device fails just before the device is called lost.
  const grace = new Promise<void>((resolve) => setTimeout(resolve, LOSS_MILLISECONDS));
  await Promise.race([lost, grace]);
  throw done.error;
}

async function settled<T>(work: Promise<T>): Promise<{ readonly value: T } | { readonly error: unknown }> {
  try {
    return { value: await work };
  } catch (error) {
    return { error };
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
