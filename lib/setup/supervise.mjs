// Runs one command, and ends it with all that it started as soon as whoever asked for it dies, even by SIGKILL: an npm
// or pip left behind would write into the folders that the next set-up repairs.
// usage (forked detached, with an IPC channel): supervise.mjs COMMAND ARGUMENT...
import { spawn } from "node:child_process";
import process from "node:process";

const [command = "", ...args] = process.argv.slice(2);
// Detached, this process leads a group of its own, and what it starts belongs to it.
process.on("disconnect", () => process.kill(-process.pid, "SIGKILL"));

const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });
child.on("error", (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(127);
});
child.on("exit", (code, signal) => {
  if (signal !== null) process.stderr.write(`ended by ${signal}\n`);
  process.exit(code ?? 1);
});
