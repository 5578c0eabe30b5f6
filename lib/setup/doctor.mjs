// The state of everything that the workbook stands on, found out by trying it. Needs nothing that could be missing.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { oldestNode } from "./node-version.mjs";
import { places } from "./places.mjs";
import { ask, StepError } from "./processes.mjs";
import { bindingStep } from "./steps/binding.mjs";
import { findCompiler } from "./steps/compiler.mjs";
import { kernelName, kernelspecStep } from "./steps/kernelspec.mjs";
import { libraryStep } from "./steps/library.mjs";
import { npmVersion, packagesStep } from "./steps/packages.mjs";
import { findPython, jupyterStep, pythonEnvironment } from "./steps/python.mjs";
import { chooseTensorflow, nvidiaGpus, tensorflowFiles, tensorflowStep } from "./steps/tensorflow.mjs";

/**
 * `missing` and `broken` are in the way of the main job, or of something that was installed on purpose; `optional` is
 * not there, and all works without it.
 *
 * @typedef {object} Check
 * @property {string} name
 * @property {"ok" | "missing" | "broken" | "optional"} state
 * @property {string} found a version, or what is wrong
 * @property {string} [remedy] how to get or repair it, unless it is ok
 *
 * @typedef {{ ok: boolean, checks: Check[] }} Diagnosis `ok`: the lessons run in JupyterLab
 */

const redo = "run `npm run setup`";
const mainJob = ["Node.js", "npm packages", "library", "JupyterLab", "kernel"];

/** @returns {Promise<Diagnosis>} */
export async function diagnose(at = places()) {
  const compiler = checkCompiler();
  const [tensorflow, cpu] = await Promise.all([
    existsSync(at.binding) ? probe(at, "tensorflow") : undefined,
    probe(at, "cpu"),
  ]);
  const checks = [
    checkNode(),
    checkPackages(at),
    checkLibrary(at),
    checkPython(at),
    checkJupyter(at),
    checkKernel(at),
    compiler,
    checkTensorflow(at),
    checkBinding(at),
    checkTensorflowBackend(tensorflow),
    checkCpuBackend(cpu),
    checkGpu(),
  ];
  const isOk = (/** @type {string} */ name) =>
    checks.some((check) => check.name === name && check.state === "ok");
  const ok = mainJob.every(isOk) && (isOk("backend tensorflow") || isOk("backend cpu"));
  return { ok, checks };
}

/** The diagnosis as people read it. */
export function formatDiagnosis(/** @type {Diagnosis} */ { ok, checks }) {
  const mark = { ok: "✓", missing: "✗", broken: "✗", optional: "-" };
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, state, found, remedy }) => [
    `${mark[state]} ${name.padEnd(width)}  ${state === "ok" ? "" : `${state}: `}${found}`,
    ...(remedy ? [`  ${" ".repeat(width)}  to get it: ${remedy}`] : []),
  ]);
  const verdict = ok
    ? "The workbook can run: `npm start`."
    : "The workbook cannot run before what is marked ✗ is there.";
  return `${[...lines, "", verdict].join("\n")}\n`;
}

/** @returns {Check} */
function checkNode() {
  const { node } = process.versions;
  const npm = npmVersion();
  return {
    name: "Node.js",
    state: "ok",
    found: `${node} (${oldestNode} or newer), npm ${npm ?? "not found"}`,
  };
}

/** @returns {Check} */
function checkPackages(/** @type {import("./places.mjs").Places} */ at) {
  const name = "npm packages";
  if (packagesStep(at).isDone()) return { name, state: "ok", found: "as package-lock.json says" };
  const there = existsSync(at.modules);
  const found = there ? "not those of package-lock.json" : "not installed";
  return { name, state: there ? "broken" : "missing", found, remedy: redo };
}

/** @returns {Check} */
function checkLibrary(/** @type {import("./places.mjs").Places} */ at) {
  const name = "library";
  if (libraryStep(at).isDone()) return { name, state: "ok", found: "compiled" };
  const there = existsSync(at.dist);
  const found = there ? "not compiled from the sources that stand there now" : "not compiled";
  return { name, state: there ? "broken" : "missing", found, remedy: redo };
}

/** @returns {Check} */
function checkPython(/** @type {import("./places.mjs").Places} */ at) {
  const name = "Python";
  const own = ask(at.python, ["--version"], pythonEnvironment());
  if (own !== undefined) return { name, state: "ok", found: `${own.replace("Python ", "")} (.venv)` };
  try {
    const { version, program } = findPython();
    return { name, state: "ok", found: `${version} (${program}), .venv not made yet` };
  } catch (error) {
    return fromError(name, "missing", error);
  }
}

/** @returns {Check} */
function checkJupyter(/** @type {import("./places.mjs").Places} */ at) {
  const name = "JupyterLab";
  const code = "import jupyterlab, plotly; print(jupyterlab.__version__, plotly.__version__)";
  const versions = ask(at.python, ["-c", code], pythonEnvironment())?.split(" ");
  if (versions === undefined) {
    const there = existsSync(path.join(at.venv, ".requirements"));
    const found = there ? "does not load in .venv" : "not installed in .venv";
    return {
      name,
      state: there ? "broken" : "missing",
      found,
      remedy: there ? `delete .venv and ${redo}` : redo,
    };
  }
  const found = `${versions[0]}, Plotly extension ${versions[1]}`;
  if (jupyterStep(at).isDone()) return { name, state: "ok", found };
  return { name, state: "broken", found: `${found}: not what requirements.txt says`, remedy: redo };
}

/** @returns {Check} */
function checkKernel(/** @type {import("./places.mjs").Places} */ at) {
  const name = "kernel";
  if (!kernelspecStep(at).isDone()) {
    const there = existsSync(path.join(at.kernels, kernelName));
    const found = there ? `${kernelName} is set up for another Node or place` : "no kernelspec in .venv";
    return { name, state: there ? "broken" : "missing", found, remedy: redo };
  }
  if (existsSync(path.join(at.modules, "tslab/bin/tslab"))) return { name, state: "ok", found: kernelName };
  return { name, state: "broken", found: `${kernelName} is not in node_modules`, remedy: redo };
}

/** @returns {Check} */
function checkCompiler() {
  try {
    return { name: "C++ compiler", state: "ok", found: findCompiler().version };
  } catch (error) {
    return fromError("C++ compiler", "optional", error);
  }
}

/** @returns {Check} */
function checkTensorflow(/** @type {import("./places.mjs").Places} */ at) {
  const name = "TensorFlow library";
  try {
    const { variant, why } = chooseTensorflow();
    if (variant === "none") return { name, state: "optional", found: why };
    const { version } = tensorflowFiles(at, variant);
    if (tensorflowStep(at).isDone())
      return { name, state: "ok", found: `${version} for ${variant} (${why})` };
    return { name, state: "optional", found: `${version} for ${variant} is not installed`, remedy: redo };
  } catch (error) {
    return fromError(name, "broken", error);
  }
}

/** @returns {Check} */
function checkBinding(/** @type {import("./places.mjs").Places} */ at) {
  const name = "TensorFlow binding";
  try {
    if (chooseTensorflow().variant === "none") return { name, state: "optional", found: "not wanted" };
    if (!existsSync(at.binding)) return { name, state: "optional", found: "not built", remedy: redo };
    if (bindingStep(at).isDone()) return { name, state: "ok", found: "built for this library" };
    return { name, state: "broken", found: "built for something else", remedy: redo };
  } catch (error) {
    return fromError(name, "broken", error);
  }
}

/** @returns {Check} */
function checkTensorflowBackend(/** @type {Probe | undefined} */ probed) {
  const name = "backend tensorflow";
  if (probed === undefined) return { name, state: "optional", found: "not installed" };
  if (probed.ok) return { name, state: "ok", found: probed.said };
  return { name, state: "broken", found: probed.said, remedy: `${redo}, or set WORKBOOK_TENSORFLOW=none` };
}

/** @returns {Check} */
function checkCpuBackend(/** @type {Probe} */ { ok, said }) {
  const name = "backend cpu";
  return ok ? { name, state: "ok", found: said } : { name, state: "broken", found: said, remedy: redo };
}

/** @returns {Check} */
function checkGpu() {
  const gpus = nvidiaGpus();
  if (gpus !== undefined) return { name: "GPU", state: "ok", found: gpus };
  return { name: "GPU", state: "optional", found: "no NVIDIA driver; the CPU does the arithmetic" };
}

/** @returns {Check} */
function fromError(
  /** @type {string} */ name,
  /** @type {Check["state"]} */ state,
  /** @type {unknown} */ error,
) {
  if (!(error instanceof StepError)) throw error;
  return { name, state, found: error.message, remedy: error.remedy };
}

/** @typedef {{ ok: boolean, said: string }} Probe */

/** @returns {Promise<Probe>} */
function probe(/** @type {import("./places.mjs").Places} */ at, /** @type {string} */ backend) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path.join(at.setup, "probe.mjs"), backend], {
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
      resolve({ ok: code === 0, said: code === 0 ? out : words });
    });
  });
}
