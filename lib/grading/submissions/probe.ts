/** A process of its own: parses what comes on its standard input, and ends well if it lives through that. */

import { readFileSync } from "node:fs";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { parseSync } from "oxc-parser";

if (isMainThread) {
  new Worker(new URL(import.meta.url), {
    workerData: readFileSync(0, "utf8"),
    // Half of what a thread has, and a quarter of what a process has: what passes here passes there.
    resourceLimits: { stackSizeMb: 2 },
  });
} else {
  // The tree is made when it is asked for.
  void parseSync("answers.ts", workerData as string, { lang: "ts", sourceType: "module" }).program;
}
