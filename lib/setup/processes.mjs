// How the set-up runs other programs: quietly, and with their last words at hand when they fail.
import { fork, spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const supervisor = fileURLToPath(new URL("supervise.mjs", import.meta.url));

/** A step that could not be done: why, and what to do about it. Both are whole sentences. */
export class StepError extends Error {
  /**
   * @param {string} why
   * @param {string} remedy
   */
  constructor(why, remedy) {
    super(why);
    this.remedy = remedy;
  }
}

/**
 * Runs a program to its end and returns what it wrote; ends with this process, whatever becomes of it.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ what: string, remedy: string, cwd?: string, env?: NodeJS.ProcessEnv }} options `what` it does and, when
 *   it fails, what to do
 * @returns {Promise<string>}
 */
export function run(command, args, { what, remedy, cwd, env = process.env }) {
  return new Promise((resolve, reject) => {
    const child = fork(supervisor, [command, ...args], {
      cwd,
      env,
      execArgv: [],
      silent: true,
      detached: true,
    });
    let output = "";
    const keep = (/** @type {Buffer} */ chunk) => {
      output = (output + chunk.toString()).slice(-100_000);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(output);
      else reject(new StepError(`${what} failed: ${lastWords(output)}.`, remedy));
    });
  });
}

/** What tells most about a failure: why there was no connection, else the first errors, else the last lines. */
export function lastWords(/** @type {string} */ output) {
  // pip's errors do not say it, only its warnings do.
  const connection = /connection broken by '\w+\((?:.* object at 0x\w+>[:,] '?)?(.*?)'?\)'/.exec(output)?.[1];
  if (connection !== undefined) return connection;
  const lines = output
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/A complete log of this run|\[notice\]|^npm warn/i.test(line));
  const errors = lines.filter((line) => /\berror\b|failed|cannot|no space/i.test(line)).slice(0, 3);
  const shown = errors.length > 0 ? errors : lines.slice(-3);
  return shown.join(" | ").slice(0, 600).replace(/\.$/, "") || "it said nothing";
}

/**
 * Runs a quick program and returns what it wrote on stdout, or undefined when it is not there or fails.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
export function ask(command, args, env = process.env) {
  const { status, stdout } = spawnSync(command, args, {
    encoding: "utf8",
    env,
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 20_000,
  });
  return status === 0 ? stdout.trim() : undefined;
}

/** The absolute path of a program, as the shell would find it. */
export function which(/** @type {string} */ command, env = process.env) {
  const folders = command.includes("/") ? [""] : (env.PATH ?? "").split(path.delimiter);
  for (const folder of folders) {
    const file = folder === "" ? path.resolve(command) : path.join(folder, command);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not here.
    }
  }
  return undefined;
}
