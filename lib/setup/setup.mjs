// Installs and builds whatever a clone lacks, inside the clone only. usage: npm run setup
import process from "node:process";
import { checkNode } from "./node-version.mjs";

if (checkNode()) {
  const { setUp } = await import("./set-up.mjs");
  const { ok, changed } = await setUp("start");
  if (ok && !changed) process.stdout.write("Everything is set up.\n");
  process.exitCode = ok ? 0 : 1;
} else {
  process.exitCode = 1;
}
