// Runs the steps of the set-up: each once what it needs is there, side by side where nothing forbids it, and all that
// can still be done when one fails.
import process from "node:process";
import { StepError } from "./processes.mjs";

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {string} title what people read
 * @property {string[]} needs names of the steps that must have succeeded before
 * @property {string[]} [after] names of the steps that must be over before, well or not
 * @property {string} without what does not work, and what still does, when this step cannot be done
 * @property {() => boolean} isDone quick, and true only when there is nothing left to do
 * @property {() => string | undefined} [skip] why the step is not wanted here
 * @property {() => Promise<void>} run may be repeated after it was killed at any point
 *
 * @typedef {object} Outcome
 * @property {string} name
 * @property {"done" | "ran" | "skipped" | "failed" | "blocked"} state
 * @property {number} seconds
 * @property {string} [why] for skipped, failed and blocked
 *
 * @typedef {object} Listener
 * @property {(step: Step) => void} started
 * @property {(step: Step, outcome: Outcome, message?: string) => void} finished `message` says why and what to do
 */

/** Names of the steps that have something to do. */
export function outstanding(/** @type {Step[]} */ steps) {
  return steps.filter((step) => step.skip?.() === undefined && !step.isDone()).map(({ name }) => name);
}

/**
 * Runs every step, given in an order in which none comes before what it needs.
 *
 * @param {Step[]} steps
 * @param {Listener} listener
 * @returns {Promise<Map<string, Outcome>>} by step name
 */
export async function runSteps(steps, listener) {
  /** @type {Map<string, Promise<Outcome>>} */
  const running = new Map();
  const find = (/** @type {string} */ name) => {
    const found = running.get(name);
    if (found === undefined) throw new Error(`set-up: step "${name}" comes after one that waits for it`);
    return found;
  };
  for (const step of steps) {
    const over = Promise.all((step.after ?? []).map(find));
    running.set(step.name, runStep(step, over, step.needs.map(find), listener));
  }
  return new Map((await Promise.all(running.values())).map((outcome) => [outcome.name, outcome]));
}

/**
 * @param {Step} step
 * @param {Promise<unknown>} over
 * @param {Promise<Outcome>[]} needs
 * @param {Listener} listener
 * @returns {Promise<Outcome>}
 */
async function runStep(step, over, needs, listener) {
  const { name } = step;
  await over;
  const missing = (await Promise.all(needs)).filter(({ state }) => state !== "done" && state !== "ran");
  const started = performance.now();
  const outcome = (/** @type {Outcome["state"]} */ state, /** @type {string} */ why) => {
    return { name, state, seconds: (performance.now() - started) / 1000, ...(why && { why }) };
  };
  const unwanted = step.skip?.();
  if (unwanted !== undefined) return finish(step, outcome("skipped", unwanted), listener);
  if (step.isDone()) return finish(step, outcome("done", ""), listener);
  if (missing.length > 0) {
    return finish(step, outcome("blocked", `needs ${missing.map((need) => need.name).join(", ")}`), listener);
  }
  listener.started(step);
  try {
    await step.run();
    return finish(step, outcome("ran", ""), listener);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const remedy =
      error instanceof StepError ? error.remedy : "This looks like a mistake of the set-up itself.";
    const message = `${why} What to do: ${remedy} Until then: ${step.without}`;
    return finish(step, outcome("failed", why), listener, message);
  }
}

/**
 * @param {Step} step
 * @param {Outcome} outcome
 * @param {Listener} listener
 * @param {string} [message]
 */
function finish(step, outcome, listener, message) {
  listener.finished(step, outcome, message);
  return outcome;
}

/** Writes a line per step on stderr and, on a terminal, one that says what is running. */
export function consoleListener(stream = process.stderr) {
  /** @type {Map<string, number>} title → when it started */
  const running = new Map();
  const clear = () => stream.isTTY && stream.write("\r\x1b[K");
  const live = () => {
    if (running.size === 0) return;
    const now = performance.now();
    const parts = [...running].map(([title, start]) => `${title} ${Math.round((now - start) / 1000)} s`);
    // A line that wrapped could not be cleared.
    stream.write(`\r\x1b[K${`  … ${parts.join(", ")}`.slice(0, (stream.columns || 80) - 1)}`);
  };
  const timer = stream.isTTY ? setInterval(live, 250) : undefined;
  return {
    /** @param {Step} step */
    started({ title }) {
      running.set(title, performance.now());
      if (!stream.isTTY) stream.write(`  … ${title}\n`);
    },
    /** @type {Listener["finished"]} */
    finished({ title }, { state, seconds, why }, message) {
      running.delete(title);
      if (state === "done") return;
      clear();
      const mark = { ran: "✓", skipped: "-", failed: "✗", blocked: "✗" }[state];
      const note = state === "skipped" || state === "blocked" ? `: ${why}` : ` (${seconds.toFixed(1)} s)`;
      stream.write(`  ${mark} ${title}${note}\n`);
      if (message !== undefined) stream.write(`\n    ${message}\n\n`);
    },
    close() {
      clearInterval(timer);
      clear();
    },
  };
}
