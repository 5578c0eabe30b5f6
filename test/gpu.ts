/** Tests that need a GPU, or software in place of one. */

import process from "node:process";
import type { Context } from "mocha";

/** Skips the test or hook, with the reason; `REQUIRE_GPU=1` fails it instead. */
export function skipWithoutGpu(context: Context, error: Error): void {
  if (process.env.REQUIRE_GPU === "1") throw error;
  context.skipReason = error.message;
  context.skip();
}
