// Where the set-up puts things, and the one way it writes files that must never be seen half-written.
import { mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const setup = path.dirname(fileURLToPath(import.meta.url));

/** The repository's root. */
export const root = path.resolve(setup, "../..");

/**
 * @typedef {ReturnType<typeof places>} Places
 */

/** Every path that the set-up reads or writes; tests pass another root. */
export function places(at = root) {
  const venv = path.join(at, ".venv");
  const modules = path.join(at, "node_modules");
  const tfjsNode = path.join(modules, "@tensorflow/tfjs-node-gpu");
  return {
    root: at,
    setup,
    dist: path.join(at, "lib/dist"),
    cache: path.join(at, ".cache"),
    modules,
    venv,
    python: path.join(venv, "bin/python"),
    kernels: path.join(venv, "share/jupyter/kernels"),
    tfjsNode,
    binding: path.join(tfjsNode, "lib/napi-v8/tfjs_binding.node"),
    stderrGate: path.join(tfjsNode, "lib/stderr_gate.node"),
  };
}

/**
 * Writes beside the file and renames: whoever reads it sees the old content or the new, never half.
 *
 * @param {string} file
 * @param {string} content
 */
export function writeWhole(file, content) {
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, content);
  renameSync(temporary, file);
}

/** The file's text, or undefined where there is none. */
export function readIfThere(/** @type {string} */ file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** Whether Node was started with this very module. */
export function isMain(/** @type {string} */ url) {
  const started = process.argv[1];
  return started !== undefined && realpathSync(started) === realpathSync(fileURLToPath(url));
}
