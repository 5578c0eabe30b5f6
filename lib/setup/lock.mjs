// One set-up at a time in a clone: a file with its holder's process id, kept fresh while it is held. It is up for
// taking when the holder is gone, or when it went stale (ids are reused, and start over in every container).
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

const beat = 1_000;
const staleAfter = 15_000;

/**
 * Runs `work` while nobody else holds the lock `file`.
 *
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @param {() => void} [onWait] called once when there is somebody to wait for
 * @returns {Promise<T>}
 */
export async function withLock(file, work, onWait = () => {}) {
  mkdirSync(path.dirname(file), { recursive: true });
  for (let waited = false; !take(file); waited = true) {
    if (!waited) onWait();
    await sleep(beat / 4);
  }
  const heart = setInterval(() => touch(file), beat);
  try {
    return await work();
  } finally {
    clearInterval(heart);
    rmSync(file, { force: true });
  }
}

function take(/** @type {string} */ file) {
  if (create(file)) return true;
  if (!isAbandoned(file)) return false;
  rmSync(file, { force: true });
  return create(file);
}

function create(/** @type {string} */ file) {
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    return false;
  }
}

function isAbandoned(/** @type {string} */ file) {
  try {
    if (Date.now() - statSync(file).mtimeMs > staleAfter) return true;
    const holder = Number(readFileSync(file, "utf8"));
    // An empty file is one that is being written this instant.
    return holder > 0 && !isAlive(holder);
  } catch {
    return false; // Just given back.
  }
}

function isAlive(/** @type {number} */ pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}

function touch(/** @type {string} */ file) {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // Somebody deleted .cache; the work goes on.
  }
}
