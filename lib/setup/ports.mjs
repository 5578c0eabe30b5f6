// Which port `npm start` was asked for, and whether it can have it.
import { createServer } from "node:net";

/**
 * What stands after `--port` (or Jupyter's own name for it), the last one where there are several.
 *
 * @param {string[]} args
 */
export function askedPort(args) {
  const given = args.flatMap((argument, i) => {
    const [, value] = /^--(?:ServerApp\.)?port(?:=(.*))?$/.exec(argument) ?? [];
    if (value !== undefined) return [value];
    return argument === "--port" || argument === "--ServerApp.port" ? [args[i + 1] ?? ""] : [];
  });
  return given.at(-1);
}

/** True for 1 to 65535. */
export function isPort(/** @type {string} */ text) {
  return /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 65535;
}

/** Whether nobody listens on the port of this machine; Jupyter's `localhost` is both of these addresses. */
export async function isFree(/** @type {number} */ port) {
  const taken = await Promise.all(["127.0.0.1", "::1"].map((host) => isTaken(port, host)));
  return !taken.includes(true);
}

/**
 * @param {number} port
 * @param {string} host
 * @returns {Promise<boolean>}
 */
function isTaken(port, host) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (/** @type {NodeJS.ErrnoException} */ { code }) => resolve(code === "EADDRINUSE"));
    server.listen(port, host, () => server.close(() => resolve(false)));
  });
}
