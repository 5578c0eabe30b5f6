/** Finds kernels by name where Jupyter would, and our own and node_modules' tslab where there is no Jupyter at all. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { root } from "../root.js";
import { kernelName, kernelSpec } from "./kernel/kernelspec.js";

/** A kernel that can be started. */
export interface KernelSpec {
  readonly name: string;
  readonly displayName: string;
  readonly language: string;
  /** The command line; `{connection_file}` stands for the connection file. */
  readonly argv: readonly string[];
  /** Added to the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** How the kernel wants to be interrupted: SIGINT, or a message on the control channel. */
  readonly interruptMode: "signal" | "message";
}

/** No kernel of that name, or one whose kernel.json cannot be used. */
export class KernelSpecError extends Error {}

/** Where to look: the environment, and Jupyter's data folders, `jupyterPath(env)` unless given. */
export interface Places {
  readonly env?: NodeJS.ProcessEnv;
  readonly folders?: readonly string[];
}

/**
 * The kernel called `name`.
 *
 * @throws KernelSpecError, listing the kernels that there are.
 */
export function findKernel(name: string, places: Places = {}): KernelSpec {
  const { env = process.env, folders = jupyterPath(env) } = places;
  const folder = kernelFolders(folders).get(name.toLowerCase());
  if (folder !== undefined) return readKernelSpec(name, folder, env);
  const bundled = bundledKernels().find((kernel) => kernel.name === name);
  if (bundled !== undefined) return bundled;
  const known = kernelNames(places).join(", ") || "none";
  throw new KernelSpecError(`no kernel "${name}"; known kernels: ${known}`);
}

/** Names of all kernels that `findKernel` knows, sorted. */
export function kernelNames({ env = process.env, folders = jupyterPath(env) }: Places = {}): string[] {
  const names = new Set(kernelFolders(folders).keys());
  for (const bundled of bundledKernels()) names.add(bundled.name);
  return [...names].sort();
}

/** Folders that hold Jupyter's data, in Jupyter's order for a virtual environment (`.venv` before the user's). */
export function jupyterPath(env: NodeJS.ProcessEnv = process.env): string[] {
  const home = env.HOME ?? os.homedir();
  const user =
    {
      darwin: path.join(home, "Library", "Jupyter"),
      win32: path.join(env.APPDATA ?? home, "jupyter"),
    }[process.platform as string] ??
    path.join(env.XDG_DATA_HOME || path.join(home, ".local", "share"), "jupyter");
  const system =
    process.platform === "win32"
      ? [path.join(env.PROGRAMDATA ?? "C:\\ProgramData", "jupyter")]
      : ["/usr/local/share/jupyter", "/usr/share/jupyter"];
  return [
    ...(env.JUPYTER_PATH ?? "").split(path.delimiter).filter((folder) => folder !== ""),
    path.join(root, ".venv", "share", "jupyter"),
    env.JUPYTER_DATA_DIR || user,
    ...system,
  ];
}

/** Kernel name → its folder; the first of a name wins. */
function kernelFolders(folders: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const data of folders) {
    const kernels = path.join(data, "kernels");
    if (!existsSync(kernels)) continue;
    for (const name of readdirSync(kernels)) {
      const folder = path.join(kernels, name);
      const key = name.toLowerCase();
      if (!found.has(key) && existsSync(path.join(folder, "kernel.json"))) found.set(key, folder);
    }
  }
  return found;
}

function readKernelSpec(name: string, folder: string, env: NodeJS.ProcessEnv): KernelSpec {
  const file = path.join(folder, "kernel.json");
  const spec = parseObject(readFileSync(file, "utf8"));
  const argv = spec?.argv;
  if (!Array.isArray(argv) || argv.length === 0 || !argv.every((word) => typeof word === "string")) {
    throw new KernelSpecError(`kernel "${name}": expected a command line "argv" in ${file}, got none`);
  }
  const prefix = path.resolve(folder, "..", "..", "..", "..");
  const variables: Record<string, string> = { resource_dir: folder, prefix };
  return {
    name,
    displayName: String(spec?.display_name ?? name),
    language: String(spec?.language ?? ""),
    argv: argv.map((word, i) =>
      i === 0 ? ownPython(word, prefix) : word.replace(/\{(resource_dir|prefix)\}/g, (_, v) => variables[v]!),
    ),
    env: Object.fromEntries(
      Object.entries((spec?.env as Record<string, string> | undefined) ?? {}).map(([key, value]) => [
        key,
        value.replace(/\$\{(\w+)\}/g, (whole, variable) => env[variable] ?? whole),
      ]),
    ),
    interruptMode: spec?.interrupt_mode === "message" ? "message" : "signal",
  };
}

/** A bare `python` means the interpreter of the environment that the kernel is installed in. */
function ownPython(command: string, prefix: string): string {
  const own = path.join(prefix, process.platform === "win32" ? "python.exe" : "bin/python");
  return /^python(3(\.\d+)?)?$/.test(command) && existsSync(own) ? own : command;
}

function bundledKernels(): KernelSpec[] {
  const own = kernelSpec();
  const common = { language: "typescript", env: {} };
  const workbook: KernelSpec = {
    ...common,
    name: kernelName,
    displayName: own.display_name,
    argv: own.argv,
    interruptMode: own.interrupt_mode,
  };
  try {
    const tslab = path.dirname(createRequire(import.meta.url).resolve("tslab/package.json"));
    const argv = [
      process.execPath,
      path.join(tslab, "bin", "tslab"),
      "kernel",
      "--config-path",
      "{connection_file}",
    ];
    return [workbook, { ...common, name: "tslab", displayName: "TypeScript", argv, interruptMode: "signal" }];
  } catch {
    return [workbook];
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
