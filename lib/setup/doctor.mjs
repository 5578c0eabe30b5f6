// The state of everything that the workbook stands on. Needs nothing that could be missing.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import * as check from "./checks.mjs";
import { places } from "./places.mjs";

/**
 * @typedef {{ ok: boolean, checks: import("./checks.mjs").Check[] }} Diagnosis `ok`: the lessons run in JupyterLab
 */

const mainJob = ["Node.js", "npm packages", "library", "JupyterLab", "kernels"];

/** @returns {Promise<Diagnosis>} */
export async function diagnose(at = places()) {
  const [tensorflow, cpu, webgpu] = await Promise.all([
    existsSync(at.binding) ? probe(at, "tensorflow") : undefined,
    probe(at, "cpu"),
    probe(at, "webgpu"),
  ]);
  const checks = [
    check.node(),
    check.packages(at),
    check.library(at),
    check.python(at),
    check.jupyter(at),
    check.kernel(at),
    check.compiler(),
    check.tensorflow(at),
    check.binding(at),
    check.tensorflowBackend(tensorflow),
    check.cpuBackend(cpu),
    check.webgpuBackend(webgpu),
    check.gpu(),
    await check.isolation(at),
  ];
  const isOk = (/** @type {string} */ wanted) =>
    checks.some(({ name, state }) => name === wanted && state === "ok");
  const ok = mainJob.every(isOk) && (isOk("backend tensorflow") || isOk("backend cpu"));
  return { ok, checks };
}

/** Prints the diagnosis and returns the exit code: 0 only when the main job can run. */
export async function report({ json = false }) {
  const diagnosis = await diagnose();
  process.stdout.write(json ? `${JSON.stringify(diagnosis, null, 2)}\n` : formatDiagnosis(diagnosis));
  return diagnosis.ok ? 0 : 1;
}

/** The diagnosis as people read it. */
export function formatDiagnosis(/** @type {Diagnosis} */ { ok, checks }) {
  const mark = { ok: "✓", missing: "✗", broken: "✗", optional: "-" };
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, state, found, remedy, details = {} }) => [
    `${mark[state]} ${name.padEnd(width)}  ${state === "ok" ? "" : `${state}: `}${found}`,
    ...Object.entries(details).map(([key, value]) => `  ${" ".repeat(width)}  ${key}: ${inWords(value)}`),
    ...(remedy ? [`  ${" ".repeat(width)}  to get it: ${remedy}`] : []),
  ]);
  const verdict = ok
    ? "The workbook can run: `npm start`."
    : "The workbook cannot run before what is marked ✗ is there.";
  return `${[...lines, "", verdict].join("\n")}\n`;
}

/** @returns {string} */
function inWords(/** @type {unknown} */ value) {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([key, each]) => `${key} ${inWords(each)}`)
    .join(", ");
}

/** @returns {Promise<import("./checks.mjs").Probe>} */
function probe(/** @type {import("./places.mjs").Places} */ at, /** @type {string} */ backend) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path.join(at.setup, "probe.mjs"), at.dist, backend], {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 60_000,
    });
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    child.on("close", (code, signal) => {
      const words = err.trim().split("\n").at(-1) || `ended with ${signal ?? `exit code ${code}`}`;
      resolve(code === 0 ? { ok: true, ...JSON.parse(out) } : { ok: false, said: words });
    });
  });
}
