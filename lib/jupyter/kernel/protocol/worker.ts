/** The thread that speaks to Jupyter: opens the sockets, and ends the process when nobody needs it any more. */

import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, writeSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { ConnectionInfo } from "../../connection.js";
import { noteOf } from "./crash-file.js";
import type { CrashWatch } from "./crash-watch.js";
import { HeapWatch } from "./heap-watch.js";
import { Interrupter, watchSigint } from "./interrupter.js";
import { kernelInfo } from "./kernel-info.js";
import { MainThread } from "./main-thread.js";
import type { StopReason, WorkerOptions } from "./messages.js";
import { Server } from "./server.js";
import { SharedMemory } from "./shared-memory.js";
import { KernelSockets } from "./sockets.js";

/** How long the main thread may take to end when asked. */
const endGraceMs = 1000;
const parentPollMs = 500;
/** Watchers for SIGINT and for crashes are started when the kernel has done what its user waits for first. */
const watchAfterMs = 300;

const options = workerData as WorkerOptions;
const memory = new SharedMemory(options.memory);
const connection: ConnectionInfo = JSON.parse(readFileSync(options.connectionFile, "utf8"));
const sockets = new KernelSockets(connection, randomUUID(), (channel, message) =>
  server.receive(channel, message),
);
const main = new MainThread(parentPort!, memory, {
  onText: (printed) => server.onText(printed),
  onMessage: (message) => server.onMessage(message),
  onInterrupt: interrupt,
});
const interrupter = new Interrupter(memory, (run, reason) => main.post({ kind: "interrupt", run, reason }));
let crash: CrashWatch | undefined;
/** The user knows how the kernel ends, which may be before anybody watches. */
let isTold = false;
const heap = new HeapWatch(
  options.heapLimit,
  () => server.executions.run !== undefined,
  () => stop("memory"),
  (bytes) => crash?.holds(bytes),
);
const life = {
  interrupt,
  end,
  watch: (count: number | undefined) => {
    crash?.running(count);
    if (count !== undefined) void heap.watch();
  },
  greeting: () => (existsSync(noteOf(options.connectionFile)) ? obituary() : undefined),
  ends: () => {
    isTold = true;
    crash?.over();
  },
};
const server = new Server({ sockets, main, memory, info: kernelInfo(options), life });

function interrupt(): void {
  stop("asked");
}

function stop(reason: StopReason): void {
  const { run } = server.executions;
  if (run !== undefined) void interrupter.interrupt(run, reason);
}

async function obituary(): Promise<string | undefined> {
  const { describeCrash, takeNote } = await import("./crash-note.js");
  const before = takeNote(options.connectionFile);
  return before && describeCrash(before);
}

async function watchForCrash(): Promise<void> {
  const { CrashWatch } = await import("./crash-watch.js");
  crash = new CrashWatch(options.connectionFile);
  crash.running(server.executions.cell);
  if (isTold) crash.over();
}

async function end(): Promise<void> {
  crash?.over();
  await sockets.close();
  memory.announceGone();
  main.post({ kind: "end" });
  await sleep(endGraceMs);
  process.kill(process.pid, "SIGKILL");
}

/** A kernel whose client is gone would run for ever. */
function watchParent(): void {
  const parent = Number(process.env.JPY_PARENT_PID);
  if (!(parent > 0)) return;
  // A parent that starts kernels through a wrapper is not the parent in the system's eyes.
  const direct = process.ppid === parent;
  setInterval(() => {
    if (direct ? process.ppid !== parent : !exists(parent)) void end();
  }, parentPollMs);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The worker's own streams pass through the main thread, which may be busy or gone. */
function die(error: unknown): never {
  const { message, stack } = error as Error;
  const inUse = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
  writeSync(2, `workbook kernel: ${inUse ? `${message} (EADDRINUSE)` : (stack ?? message)}\n`);
  memory.announceGone();
  process.kill(process.pid, "SIGKILL");
  throw error;
}

process.on("uncaughtException", die);
watchParent();
sockets.open().then(() => {
  void sockets.publish("status", { execution_state: "starting" }, {});
  setTimeout(() => {
    watchSigint(interrupt);
    void watchForCrash();
  }, watchAfterMs);
}, die);
