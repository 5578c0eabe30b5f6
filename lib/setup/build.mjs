// Compiles lib/, datasets/ and test/ into lib/dist with the project's TypeScript. Plain JavaScript without
// dependencies, because it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const stamp = path.join(root, "lib/dist/.tsbuildinfo");
const sources = ["lib", "datasets", "test", "tsconfig.json", "lib/tsconfig.json"];

/** Newest modification time, in ms, of the TypeScript sources and configuration below `entry`. */
function newest(entry) {
  if (!existsSync(entry)) return 0;
  const stat = statSync(entry);
  if (!stat.isDirectory()) return /\.(ts|json|wgsl)$/.test(entry) ? stat.mtimeMs : 0;
  const names = readdirSync(entry).filter((name) => name !== "dist" && name !== "node_modules");
  return Math.max(0, ...names.map((name) => newest(path.join(entry, name))));
}

/** True when what is compiled is as new as its sources. */
export function isBuilt() {
  const newestSource = Math.max(...sources.map((source) => newest(path.join(root, source))));
  return existsSync(stamp) && statSync(stamp).mtimeMs >= newestSource;
}

/** Compiles when needed; prints the compiler's messages and returns false when it fails. */
export function buildIfStale() {
  if (isBuilt()) return true;
  const compiler = path.join(root, "node_modules/typescript/bin/tsc");
  if (!existsSync(compiler)) {
    process.stderr.write("workbook: nothing is installed yet; run `npm start` (or `npm run setup`) first\n");
    return false;
  }
  const { status } = spawnSync(process.execPath, [compiler, "-p", path.join(root, "lib")], {
    stdio: "inherit",
  });
  if (status !== 0) process.stderr.write("workbook: lib/ does not compile; the messages above say where\n");
  return status === 0;
}
