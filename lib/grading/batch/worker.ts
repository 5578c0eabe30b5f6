// A process that judges one submission after the other. It ends when the coordinator's end of the channel closes,
// however the coordinator ended, and its own children end with it. argv: the module that judges.
import process from "node:process";
import { pathToFileURL } from "node:url";
import type { FromWorker, JudgeModule, ToWorker } from "./protocol.js";
import { BrokenGrader } from "./protocol.js";

process.on("disconnect", () => process.exit());
// Ctrl-C reaches the whole group: the coordinator decides what happens to its workers.
process.on("SIGINT", () => {});

const say = (message: FromWorker) => {
  if (!process.connected) process.exit();
  // An error here means that nobody listens any more, which the channel's end says too.
  process.send!(message, undefined, undefined, () => {});
};
const { judgeTask } = (await import(pathToFileURL(process.argv[2]!).href)) as JudgeModule;

process.on("message", async ({ task }: ToWorker) => {
  try {
    say({ kind: "judged", judgement: await judgeTask(task, () => say({ kind: "alive" })) });
  } catch (error) {
    // Anything else ends this process, and the coordinator starts a clean one.
    if (!(error instanceof BrokenGrader)) throw error;
    say({ kind: "broken", message: error.message });
  }
});
say({ kind: "ready" });
