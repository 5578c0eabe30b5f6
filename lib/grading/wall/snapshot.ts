/**
 * V8's start-up snapshot of the bundle: the heap as it is once tfjs is warm, so that a process begins there.
 *
 * V8 takes one only under the flags that it was made under, and Node 20 refuses to start otherwise: its name says the
 * heap limit. Nothing of a submission is in it: it is made before any is read.
 */

import { spawnSync } from "node:child_process";
import { closeSync, openSync, rmSync } from "node:fs";
import { devNull } from "node:os";
import path from "node:path";
import process from "node:process";
import { type Command, heapFlags, identity, snapshotName } from "./jail.js";
import type { Limits } from "./limits.js";

/** Far more than it takes on a busy machine. */
const PATIENCE_MS = 60_000;

/**
 * Makes the snapshot in the bundle's folder, and starts a process from it as submissions will be started.
 *
 * @param start how; asked when the snapshot is there.
 * @returns why there is none, in one line; undefined when there is.
 */
export function makeSnapshot(
  folder: string,
  limits: Limits,
  start: (folder: string, limits: Limits) => Command,
): string | undefined {
  const blob = path.join(folder, snapshotName(limits));
  const problem = build(folder, blob, limits) ?? boot(start(folder, limits));
  if (problem !== undefined) rmSync(blob, { force: true });
  return problem;
}

function build(folder: string, blob: string, limits: Limits): string | undefined {
  // `node:vm` is not on Node's list of modules that are known to work here, which it warns of; `boot` shows that it does.
  const flags = [...heapFlags(limits), "--no-warnings", "--snapshot-blob", blob];
  const { status, stderr } = spawnSync(
    process.execPath,
    [...flags, "--build-snapshot", path.join(folder, "child.cjs")],
    { env: {}, encoding: "utf8", timeout: PATIENCE_MS },
  );
  return status === 0 ? undefined : `it cannot be built: ${errorIn(stderr)}`;
}

/** Nobody is at the other end of the channel: a process that comes as far as to listen ends by itself, properly. */
function boot({ file, args, env = {}, user }: Command): string | undefined {
  const nobody = openSync(devNull, "r+");
  try {
    const { status, stderr } = spawnSync(file, args, {
      ...identity(user),
      env,
      cwd: "/",
      encoding: "utf8",
      stdio: ["ignore", "ignore", "pipe", nobody],
      timeout: PATIENCE_MS,
    });
    return status === 0 ? undefined : `no process starts from it: ${errorIn(stderr)}`;
  } finally {
    closeSync(nobody);
  }
}

/** Node prints an error's line amid its stack, and last its own version. */
function errorIn(stderr: string | null): string {
  const lines = (stderr ?? "").trim().split("\n");
  return lines.find((line) => /error/i.test(line)) ?? (lines[0] || "no message");
}
