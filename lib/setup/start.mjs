// Sets up what is missing, then runs JupyterLab. usage: npm start [-- --no-browser --port N and JupyterLab's own]
import { spawn } from "node:child_process";
import process from "node:process";
import { checkNode } from "./node-version.mjs";

process.exitCode = await start(process.argv.slice(2));

/**
 * @param {string[]} args
 * @returns {Promise<number>} the exit code
 */
async function start(args) {
  if (!checkNode()) return 1;
  const { askedPort, isFree, isPort } = await import("./ports.mjs");
  const port = askedPort(args);
  if (port !== undefined && !isPort(port))
    return complain(2, `expected a port from 1 to 65535, got "${port}"`);
  if (port !== undefined && !(await isFree(Number(port)))) {
    const another = Number(port) < 65535 ? Number(port) + 1 : 8888;
    const remedy = `choose another (npm start -- --port ${another}, say), or stop that program`;
    return complain(1, `expected port ${port} to be free, but a program listens on it already; ${remedy}`);
  }
  const { setUp } = await import("./set-up.mjs");
  const { ok } = await setUp("start");
  if (!ok) return complain(1, "JupyterLab needs what is marked ✗ above; what to do stands there");
  const { places } = await import("./places.mjs");
  const { jupyterArguments, jupyterEnvironment } = await import("./jupyter.mjs");
  const at = places();
  // Another port than the one asked for would be found by nobody.
  const exact = port === undefined ? [] : ["--ServerApp.port_retries=0"];
  process.stderr.write("Starting JupyterLab; Ctrl-C stops it.\n");
  return runJupyter(at.python, jupyterArguments(at, [...exact, ...args]), jupyterEnvironment(at));
}

/**
 * @param {string} python
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>}
 */
function runJupyter(python, args, env) {
  return new Promise((resolve, reject) => {
    // In a group of its own: Ctrl-C in a terminal, npm and we would else all signal it, and a second signal cuts its
    // clean-up short.
    const server = spawn(python, args, { env, stdio: ["ignore", "inherit", "inherit"], detached: true });
    let asked = 0;
    const stop = () => {
      const now = performance.now();
      if (asked === 0) server.kill("SIGTERM");
      else if (now - asked > 3_000) server.kill("SIGKILL");
      asked ||= now;
    };
    for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, stop);
    // The shell between npm and us dies of a signal without passing it on.
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (process.env.npm_lifecycle_event !== undefined && process.ppid !== parent) stop();
    }, 500);
    server.on("error", reject);
    server.on("exit", (code) => {
      clearInterval(watch);
      resolve(asked > 0 ? 0 : (code ?? 1));
    });
  });
}

/**
 * @param {number} code
 * @param {string} problem
 */
function complain(code, problem) {
  process.stderr.write(`npm start: ${problem}\n`);
  return code;
}
