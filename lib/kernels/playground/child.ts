/**
 * The process that owns a GPU device for kernels that nobody vouches for: it may hang, crash or lose its device, and is
 * replaced then. Started by `process.ts`; answers one message at a time.
 */

import process from "node:process";
import { describeAdapter, findAdapter, openDevice } from "../adapter.js";
import { KernelError } from "./failure.js";
import type { Job } from "./job.js";
import type { FromChild } from "./messages.js";
import { runJob } from "./runner.js";

// Nobody is left to answer. A kernel that hangs keeps the driver's threads busy, and an orderly exit would wait for them.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));

const send = (message: FromChild) =>
  new Promise<void>((resolve) => process.send!(message, undefined, undefined, () => resolve()));

try {
  // Timestamps in full: nobody can spy on others with them here. And indices moved into their binding by Dawn itself: a driver
  // drops a write outside instead, and the guards would not see it.
  const { adapter } = await findAdapter(["timestamp_quantization", "vulkan_use_buffer_robust_access_2"]);
  const device = await openDevice(adapter);
  const { description, software } = describeAdapter(adapter);
  const name = software ? `${description}, software in place of a GPU` : description;
  process.on("message", (job: Job) => void answer(device, job, name));
  await send({ kind: "ready" });
} catch (error) {
  await send({ kind: "failed", failure: { reason: "no gpu", message: (error as Error).message } });
  process.exit();
}

async function answer(device: GPUDevice, job: Job, adapter: string): Promise<void> {
  try {
    const ran = await runJob(device, job, (stage) => void send({ kind: "stage", stage }));
    await send({ kind: "ran", ran: { ...ran, adapter } });
  } catch (error) {
    const failure =
      error instanceof KernelError
        ? error.toFailure()
        : ({ reason: "launch", message: String((error as Error).message) } as const);
    await send({ kind: "failed", failure });
    if (failure.reason === "lost") process.kill(process.pid, "SIGKILL");
  }
}
