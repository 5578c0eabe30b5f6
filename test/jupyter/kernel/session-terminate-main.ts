/** Run as a process of its own: loops in cells that V8 terminates from another thread, as the kernel does it. */

import process from "node:process";
import { Worker } from "node:worker_threads";
import { Driver } from "./session-driver.js";

const stopper = new Worker(
  `const { parentPort } = require("node:worker_threads");
   const session = new (require("node:inspector").Session)();
   session.connectToMainThread();
   parentPort.on("message", () => setTimeout(() => {
     session.post("Runtime.terminateExecution");
     setTimeout(() => parentPort.postMessage("stopped"), 20);
   }, 60));`,
  { eval: true },
);
await new Promise((resolve) => stopper.once("online", resolve));

const driver = new Driver();
stopper.on("message", () => driver.session.interrupted());
await driver.run("let kept = 1");
const loops = [
  "kept++; for (;;) {}",
  "for (;;) console.log('x')",
  "await new Promise((r) => setTimeout(r, 5)); kept++; for (;;) {}",
  "await null; kept++; for (;;) console.log('x')",
  "setTimeout(() => { kept++; for (;;) {} }, 1); await new Promise(() => {})",
];
const names: (string | undefined)[] = [];
for (const loop of loops) {
  stopper.postMessage("stop soon");
  names.push((await driver.run(loop)).error?.ename);
}
const { stdout, result } = await driver.run(
  "console.log('alive'); await new Promise((r) => setTimeout(r, 1)); kept",
);
process.stdout.write(JSON.stringify({ names, stdout, result }));
process.exit(0);
