// The whole set-up: checks what is outstanding, and does it.
import path from "node:path";
import process from "node:process";
import { withLock } from "./lock.mjs";
import { places } from "./places.mjs";
import { StepError } from "./processes.mjs";
import { consoleListener, outstanding, runSteps } from "./run-steps.mjs";
import { allSteps, neededFor } from "./steps/all.mjs";
import { chooseTensorflow } from "./steps/tensorflow.mjs";

/**
 * Does what is outstanding, and says on stderr what it does; says nothing when there is nothing to do.
 *
 * @param {keyof typeof neededFor} purpose decides which steps must succeed
 * @returns {Promise<{ ok: boolean, changed: boolean }>}
 */
export async function setUp(purpose, at = places()) {
  const say = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);
  if (process.platform === "win32") {
    say(
      "workbook: expected Linux or macOS, got Windows; use the Windows Subsystem for Linux (`wsl --install`)",
    );
    return { ok: false, changed: false };
  }
  try {
    chooseTensorflow();
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    say(`workbook: ${error.message} What to do: ${error.remedy}`);
    return { ok: false, changed: false };
  }
  if (outstanding(allSteps(at)).length === 0) return { ok: true, changed: false };
  return withLock(
    path.join(at.cache, "setup.lock"),
    async () => {
      // Once more, because whoever held the lock may have done it all.
      const steps = allSteps(at);
      if (outstanding(steps).length === 0) return { ok: true, changed: false };
      say("Setting up what is missing (the first time takes a few minutes):");
      const started = performance.now();
      const listener = consoleListener();
      const outcomes = await runSteps(steps, listener).finally(() => listener.close());
      say(`Set-up took ${((performance.now() - started) / 1000).toFixed(0)} s.`);
      const ok = neededFor[purpose].every((name) => {
        const state = outcomes.get(name)?.state;
        return state === "done" || state === "ran";
      });
      return { ok, changed: [...outcomes.values()].some(({ state }) => state === "ran") };
    },
    () => say("Another set-up of this clone is under way; waiting for it."),
  );
}
