// A process that judges one submission after the other. It ends when the coordinator's end of the channel closes,
// however the coordinator ended, and its own children end with it. argv: the module that judges.
import process from "node:process";
import { pathToFileURL } from "node:url";
import type { FromWorker, JudgeModule, Services, ToWorker } from "./protocol.js";
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

let onDiagnosed: (answer: Exclude<ToWorker, { kind: "judge" }>) => void = () => {};
const services: Services = {
  alive: () => say({ kind: "alive" }),
  diagnose: (text, signatures) =>
    new Promise((resolve, reject) => {
      onDiagnosed = (answer) => {
        if (answer.kind === "diagnosed") resolve(answer.found);
        else reject(new Error(answer.message));
      };
      say({ kind: "diagnose", text, signatures });
    }),
};

process.on("message", async (message: ToWorker) => {
  if (message.kind !== "judge") return onDiagnosed(message);
  try {
    say({ kind: "judged", judgement: await judgeTask(message.task, services) });
  } catch (error) {
    // Anything else ends this process, and the coordinator starts a clean one.
    if (!(error instanceof BrokenGrader)) throw error;
    say({ kind: "broken", message: error.message });
  }
});
say({ kind: "ready" });
