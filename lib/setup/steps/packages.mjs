// The npm packages: exactly those of package-lock.json.
import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { readIfThere } from "../places.mjs";
import { ask, run, StepError, which } from "../processes.mjs";

/**
 * @typedef {{ version?: string, optional?: boolean, os?: string[], cpu?: string[], libc?: string[] }} Locked
 */

/** @param {import("../places.mjs").Places} at */
export function packagesStep(at) {
  const hidden = path.join(at.modules, ".package-lock.json");
  return {
    name: "packages",
    title: "npm packages",
    needs: [],
    without: "nothing here runs.",
    isDone: () =>
      isInstalled(
        readLock(path.join(at.root, "package-lock.json")),
        readLock(hidden),
        (folder) => existsSync(path.join(at.root, folder, "package.json")),
        process,
      ),
    async run() {
      const [command, ...args] = npm();
      // npm writes this list last, and may be killed while it still deletes: without the list nothing counts as there.
      rmSync(hidden, { force: true });
      await run(
        command,
        [...args, "ci", "--include=dev", "--prefer-offline", "--loglevel=error", ...patience],
        {
          what: "`npm ci`",
          cwd: at.root,
          env: { ...process.env, NODE_ENV: "development" },
          remedy:
            "see that npm can reach its registry (network, proxy, `npm ping`), then run `npm run setup` again.",
        },
      );
    },
  };
}

const patience = ["--fetch-retries=2", "--fetch-retry-mintimeout=2000", "--fetch-retry-maxtimeout=10000"];

/** The npm that started us, or the one on the PATH. */
function npm() {
  const own = process.env.npm_execpath;
  if (own !== undefined && path.basename(own) === "npm-cli.js") return [process.execPath, own];
  if (which("npm") !== undefined) return ["npm"];
  throw new StepError(
    "npm is not on the PATH.",
    "install Node.js with npm (https://nodejs.org), then try again.",
  );
}

/** The version of npm, or undefined. */
export function npmVersion() {
  try {
    const [command, ...args] = npm();
    return ask(command, [...args, "--version"]);
  } catch {
    return undefined;
  }
}

/**
 * Whether node_modules holds what the lock file asks for, by npm's own list of what it installed last.
 *
 * @param {Record<string, Locked> | undefined} wanted packages of package-lock.json
 * @param {Record<string, Locked> | undefined} installed packages of node_modules/.package-lock.json
 * @param {(folder: string) => boolean} isThere
 * @param {{ platform: string, arch: string }} machine
 */
export function isInstalled(wanted, installed, isThere, machine) {
  if (wanted === undefined || installed === undefined) return false;
  return Object.entries(wanted).every(([folder, locked]) => {
    if (folder === "") return true;
    if (installed[folder] === undefined) return locked.optional === true && !suits(locked, machine);
    return installed[folder].version === locked.version && isThere(folder);
  });
}

/** Whether an optional package is one for this machine. Which C library it wants is left to npm. */
function suits(
  /** @type {Locked} */ { os, cpu, libc },
  /** @type {{ platform: string, arch: string }} */ machine,
) {
  if (os === undefined && cpu === undefined) return false;
  return (
    libc === undefined && (os?.includes(machine.platform) ?? true) && (cpu?.includes(machine.arch) ?? true)
  );
}

/** @returns {Record<string, Locked> | undefined} */
function readLock(/** @type {string} */ file) {
  try {
    return JSON.parse(readIfThere(file) ?? "").packages;
  } catch {
    return undefined;
  }
}
