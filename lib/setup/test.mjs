// Every check that CI runs, one after the other, all of them even when one fails. usage: npm test
// With arguments, only the unit tests, which get them: npm test -- --grep "one head"
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { checkNode } from "./node-version.mjs";
import { places } from "./places.mjs";
import { formatSummary } from "./tally.mjs";

/**
 * @typedef {import("./tally.mjs").Result} Result
 * @typedef {{ name: string, run: () => Promise<Omit<Result, "name" | "seconds">> }} Check
 */

const at = places();
const passed = { passed: 1, failed: 0, skipped: 0, reasons: [] };
const failed = { passed: 0, failed: 1, skipped: 0, reasons: [] };
const skipped = (/** @type {string} */ reason) => ({ passed: 0, failed: 0, skipped: 1, reasons: [reason] });

// A kernel's session takes over its process's streams, timers and late errors: its tests get a process of their own.
const sessionTests = "lib/dist/test/jupyter/kernel/session*.test.js";

process.exitCode = await main(process.argv.slice(2));

/** @param {string[]} args */
async function main(args) {
  if (!checkNode()) return 1;
  if (existsSync(path.join(at.root, "handout.json"))) {
    process.stderr.write("npm test: this is a hand-out; its tests are with your instructor\n");
    return 2;
  }
  const { setUp } = await import("./set-up.mjs");
  /** @type {Result[]} */
  const results = [];
  const runCheck = async (/** @type {Check} */ { name, run }) => {
    process.stdout.write(`\n▶ ${name}\n`);
    const started = performance.now();
    const outcome = await run();
    const seconds = (performance.now() - started) / 1000;
    results.push({ name, seconds, ...outcome });
    const mark = outcome.failed > 0 ? "✗" : outcome.passed > 0 ? "✓" : "-";
    process.stdout.write(`${mark} ${name} (${seconds.toFixed(1)} s)\n`);
  };
  await runCheck({ name: "set-up", run: async () => ((await setUp("test")).ok ? passed : failed) });
  if (results[0]?.failed === 0) {
    const wanted = args.length > 0 ? unitTests(args) : allChecks();
    for (const check of wanted) await runCheck(check);
  }
  process.stdout.write(formatSummary(results));
  return results.some((result) => result.failed > 0) ? 1 : 0;
}

/** @returns {Check[]} */
function allChecks() {
  const module = (/** @type {string} */ file) => path.join(at.modules, file);
  const workbook = (/** @type {string[]} */ ...args) =>
    node(path.join(at.root, "lib/bin/workbook.mjs"), ...args);
  const notebooks = readdirSync(path.join(at.root, "notebooks")).filter((name) => name.endsWith(".ipynb"));
  const lessons = notebooks.sort().map((name) => `notebooks/${name}`);
  return [
    {
      name: "types",
      run: () =>
        all(
          node(module("typescript/bin/tsc"), "-p", "."),
          node(module("typescript/bin/tsc"), "-p", "exercises"),
          node(module("typescript/bin/tsc"), "-p", "lib/setup"),
        ),
    },
    {
      name: "format and lint",
      run: () =>
        all(
          node(module("@biomejs/biome/bin/biome"), "check", "--error-on-warnings", "."),
          node(path.join(at.setup, "format-notebooks.mjs"), "--check"),
        ),
    },
    { name: "exercises come from solutions", run: () => all(workbook("release", "--check")) },
    ...unitTests([]),
    { name: "graded tests: solutions pass, stubs and mutants do not", run: () => all(workbook("prove")) },
    {
      name: "lessons run (tensorflow)",
      async run() {
        if (!hasTensorflow() && process.env.REQUIRE_TENSORFLOW !== "1") {
          return skipped("the tensorflow backend is not installed (npx workbook doctor)");
        }
        return all(workbook("run", ...lessons, "--backend", "tensorflow"));
      },
    },
    {
      // A reader who has only tslab is not locked out of the beginning.
      name: "the first two lessons run in tslab (tensorflow)",
      async run() {
        if (!hasTensorflow()) return skipped("the tensorflow backend is not installed (npx workbook doctor)");
        return all(workbook("run", ...lessons.slice(0, 2), "--kernel", "tslab", "--backend", "tensorflow"));
      },
    },
    {
      name: "the first lesson runs (cpu)",
      run: () => all(workbook("run", ...lessons.slice(0, 1), "--backend", "cpu")),
    },
  ];
}

/** @param {string[]} args for mocha @returns {Check[]} */
function unitTests(args) {
  const own = ["--no-package", "--timeout", "20000", "--enable-source-maps", sessionTests];
  return [
    { name: "unit tests", run: () => mocha(["--ignore", sessionTests, ...args]) },
    { name: "unit tests of the kernel's session", run: () => mocha([...own, ...args]) },
  ];
}

/** @param {string[]} args */
async function mocha(args) {
  const output = path.join(at.cache, "mocha.json");
  mkdirSync(at.cache, { recursive: true });
  rmSync(output, { force: true });
  const reporter = [
    ...["--reporter", path.join(at.setup, "mocha-reporter.mjs")],
    ...["--reporter-option", `output=${output}`],
  ];
  const { code } = await node(path.join(at.modules, "mocha/bin/mocha.js"), ...reporter, ...args);
  if (!existsSync(output)) return failed;
  const counts = JSON.parse(readFileSync(output, "utf8"));
  // Mocha can fail without a failing test, when a file does not load, say.
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/** One check out of several programs: passed when all ended well. */
async function all(/** @type {Promise<{ code: number }>[]} */ ...programs) {
  const codes = await Promise.all(programs);
  return codes.every(({ code }) => code === 0) ? passed : failed;
}

function hasTensorflow() {
  return existsSync(at.binding);
}

/**
 * Runs a script with this Node; its output is shown.
 *
 * @param {string} script
 * @param {string[]} args
 * @returns {Promise<{ code: number }>}
 */
function node(script, ...args) {
  // A test that finds no backend may pass over it; where one was installed it must be there.
  const env = hasTensorflow() ? { REQUIRE_TENSORFLOW: "1", ...process.env } : process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: at.root,
      env,
      stdio: ["ignore", "inherit", "inherit"],
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1 }));
  });
}
