// Compiles lib/, as `npx workbook` also does whenever a source changed.
import path from "node:path";
import process from "node:process";
import { isBuilt } from "../build.mjs";
import { run } from "../processes.mjs";

/** @param {import("../places.mjs").Places} at */
export function libraryStep(at) {
  return {
    name: "library",
    title: "the library (TypeScript)",
    needs: ["packages"],
    without: "no lesson runs.",
    isDone: () => isBuilt(at),
    async run() {
      await run(process.execPath, [path.join(at.setup, "build.mjs")], {
        what: "Compiling lib/",
        remedy: "correct what the compiler points at, or undo your changes with git.",
      });
    },
  };
}
