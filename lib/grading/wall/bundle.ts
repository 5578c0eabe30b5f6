/**
 * The one file that the process without rights reads: tfjs, the modules that submissions may import, and the loop that
 * serves requests. Built on first use, into a folder that is named by everything that went into it.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { cachedDataVersionTag } from "node:v8";
import { root } from "../../root.js";
import { command, heapFlags, needsOpenFiles } from "./jail.js";
import { defaultLimits } from "./limits.js";
import { candidates, importName, library, withoutNode } from "./offered.js";
import { makeSnapshot } from "./snapshot.js";

const require = createRequire(import.meta.url);
/** Loaded only where something has to be built. */
const esbuild = () => require("esbuild") as typeof import("esbuild");

export interface Bundle {
  /** Holds boot.cjs, child.cjs, what they start from, and nothing else that a submission could want. */
  readonly folder: string;
  /** What submissions may import from the workbook: "workbook/attention". */
  readonly modules: readonly string[];
  /** Why processes start from V8's code cache, which takes longer, instead of a snapshot; absent where they do not. */
  readonly noSnapshot?: string;
}

let built: Bundle | undefined;

/** Builds the bundle unless it is there; several processes may do so at once. */
export function bundle(): Bundle {
  built ??= needsOpenFiles() ? openBundle() : bundleIn(own);
  return built;
}

const own = path.join(root, ".cache/wall");

/** Where root's programs keep what can be made again. */
const SHARED = "/var/cache/workbook";

/** The same where every user can read it, even if the workbook lies in a folder that is root's alone. */
export function openBundle(): Bundle {
  mkdirSync(own, { recursive: true });
  if (isOpen(own)) return bundleIn(own);
  mkdirSync(SHARED, { recursive: true });
  chmodSync(SHARED, 0o755);
  return bundleIn(SHARED);
}

/** Whether everybody may pass through a folder, and all that it lies in. */
export function isOpen(folder: string): boolean {
  const parent = path.dirname(folder);
  return (statSync(folder).mode & 0o001) !== 0 && (parent === folder || isOpen(parent));
}

/** What is known about the bundle. */
const ABOUT = "bundle.json";
/** Gone once the bundle is built. */
const TFJS = "tfjs.js";
const DAY = 24 * 60 * 60 * 1000;

/** The same below another folder than the workbook's own. */
export function bundleIn(home: string): Bundle {
  const folder = path.join(home, key());
  if (!existsSync(folder)) {
    mkdirSync(home, { recursive: true });
    const draft = mkdtempSync(path.join(home, "draft-"));
    chmodSync(draft, 0o755);
    build(draft);
    for (const file of readdirSync(draft)) chmodSync(path.join(draft, file), 0o644);
    try {
      renameSync(draft, folder);
    } catch (error) {
      rmSync(draft, { recursive: true });
      // Somebody else was first.
      if (!existsSync(folder)) throw error;
    }
    for (const other of readdirSync(home)) {
      const old = path.join(home, other);
      // A younger one may be in use.
      if (old !== folder && Date.now() - statSync(old).mtimeMs > DAY)
        rmSync(old, { recursive: true, force: true });
    }
  }
  const about = JSON.parse(readFileSync(path.join(folder, ABOUT), "utf8")) as Omit<Bundle, "folder">;
  return { folder, ...about };
}

/**
 * A hash of all that the bundle may be made of: our compiled files, the packages' versions, Node's, and what V8 asks
 * of a snapshot (its flags, and what the processor can do).
 */
function key(): string {
  const hash = createHash("sha256");
  const own = readdirSync(library, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.c?js$/.test(file) && !file.startsWith("jupyter"))
    .map((file) => path.join(library, file))
    .sort();
  for (const file of [...own, path.join(root, "package-lock.json")]) {
    hash.update(`${path.relative(library, file)}\0`).update(readFileSync(file));
  }
  hash.update(`${process.version} ${process.arch} ${cachedDataVersionTag()}`);
  return hash.digest("hex").slice(0, 32);
}

function build(folder: string): void {
  const { buildSync } = esbuild();
  const modules = offered();
  const table = modules.map(
    (file) =>
      `${JSON.stringify(importName(file))}: () => require(${JSON.stringify(path.join(library, file))}),`,
  );
  const serve = JSON.stringify(path.join(import.meta.dirname, "child/serve.js"));
  const entry = `import { start } from ${serve};
    start({ "@tensorflow/tfjs": () => require("@tensorflow/tfjs"), ${table.join("\n")} });`;
  buildSync({
    stdin: { contents: entry, resolveDir: import.meta.dirname },
    alias: { "@tensorflow/tfjs": writeTfjs(folder) },
    // Where the packages that tfjs is made of are found.
    nodePaths: [
      path.join(path.dirname(require.resolve("@tensorflow/tfjs/package.json")), "node_modules"),
      path.join(root, "node_modules"),
    ],
    bundle: true,
    outfile: path.join(folder, "child.cjs"),
    platform: "node",
    mainFields: ["module", "main"],
    format: "cjs",
    target: "node20",
    minify: true,
    keepNames: true,
    logLevel: "error",
  });
  rmSync(path.join(folder, TFJS));
  copyFileSync(path.join(import.meta.dirname, "child/boot.cjs"), path.join(folder, "boot.cjs"));
  const cache = path.join(folder, "child.cache");
  const boot = path.join(folder, "boot.cjs");
  const { status, stderr } = spawnSync(
    process.execPath,
    [...heapFlags(defaultLimits), boot, "cache", cache],
    {
      env: {},
      encoding: "utf8",
    },
  );
  if (status !== 0) throw new Error(`wall: the bundle does not start: ${stderr}`);
  const noSnapshot = makeSnapshot(folder, defaultLimits, command);
  const about: Omit<Bundle, "folder"> = {
    modules: modules.map(importName),
    ...(noSnapshot === undefined ? {} : { noSnapshot }),
  };
  writeFileSync(path.join(folder, ABOUT), JSON.stringify(about));
}

function offered(): string[] {
  const files = candidates();
  const { buildSync } = esbuild();
  const { metafile } = buildSync({
    entryPoints: files,
    absWorkingDir: library,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    outdir: "unused",
    write: false,
    metafile: true,
    logLevel: "error",
  });
  return withoutNode(files, metafile);
}

/**
 * What `@tensorflow/tfjs` is behind the wall: the package but for the backend of browsers, the converter of saved
 * models and the readers of data sets, none of which can do anything there.
 */
function writeTfjs(folder: string): string {
  const file = path.join(folder, TFJS);
  writeFileSync(
    file,
    `import "@tensorflow/tfjs-core/dist/register_all_gradients";
    import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops";
    import "@tensorflow/tfjs-backend-cpu";
    export * from "@tensorflow/tfjs-core";
    export * from "@tensorflow/tfjs-layers";`,
  );
  return file;
}
