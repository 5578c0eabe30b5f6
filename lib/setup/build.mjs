// Compiles lib/, datasets/ and test/ into lib/dist with the project's TypeScript. Plain JavaScript without
// dependencies, because it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { isMain, places, writeWhole } from "./places.mjs";

export { root } from "./places.mjs";

const sources = ["lib", "datasets", "test", "tsconfig.json", "package-lock.json"];

/** True when what is compiled comes from exactly the sources that stand there now. */
export function isBuilt({ root, dist } = places()) {
  const stamp = path.join(dist, ".built");
  return existsSync(stamp) && readFileSync(stamp, "utf8") === fingerprint(root);
}

/** Compiles when needed; prints the compiler's messages on stderr and returns false when it fails. */
export function buildIfStale(at = places()) {
  if (isBuilt(at)) return true;
  const compiler = path.join(at.modules, "typescript/bin/tsc");
  if (!existsSync(compiler)) {
    process.stderr.write("workbook: nothing is installed yet; run `npm start` (or `npm run setup`) first\n");
    return false;
  }
  const before = fingerprint(at.root);
  const { status } = spawnSync(process.execPath, [compiler, "-p", path.join(at.root, "lib")], {
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) {
    process.stderr.write("workbook: lib/ does not compile; the messages above say where\n");
    return false;
  }
  removeOrphans(at);
  writeWhole(path.join(at.dist, ".built"), before);
  return true;
}

/**
 * A hash over name, size and modification time of every source. The compiler's own stamp will not do: it stays
 * as it was when nothing that matters changed, and does not notice a source that was removed.
 */
export function fingerprint(/** @type {string} */ root) {
  const hash = createHash("sha256");
  for (const file of sources.flatMap((source) => sourcesBelow(path.join(root, source)))) {
    const { mtimeMs, size } = statSync(file);
    hash.update(`${path.relative(root, file)} ${mtimeMs} ${size}\n`);
  }
  return hash.digest("hex");
}

/** @returns {string[]} */
function sourcesBelow(/** @type {string} */ entry) {
  if (!existsSync(entry)) return [];
  if (!statSync(entry).isDirectory()) return /\.(ts|json|wgsl)$/.test(entry) ? [entry] : [];
  const names = readdirSync(entry).filter((name) => name !== "dist" && name !== "node_modules");
  return names.sort().flatMap((name) => sourcesBelow(path.join(entry, name)));
}

/** Removes compiled files whose source is gone: mocha would still run a deleted test. */
function removeOrphans(/** @type {import("./places.mjs").Places} */ { root, dist }) {
  for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
    const [, stem] = /^((?:lib|datasets|test)\/.*)\.(?:js|d\.ts|js\.map)$/.exec(file) ?? [];
    if (stem === undefined || existsSync(path.join(root, `${stem}.ts`))) continue;
    rmSync(path.join(dist, file), { force: true });
  }
}

if (isMain(import.meta.url)) process.exitCode = buildIfStale() ? 0 : 1;
