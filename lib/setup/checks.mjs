// The doctor's single checks: each finds out one thing by trying it.
import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { oldestNode } from "./node-version.mjs";
import { ask, StepError } from "./processes.mjs";
import { bindingStep } from "./steps/binding.mjs";
import { findCompiler } from "./steps/compiler.mjs";
import { kernelNames, kernelspecStep } from "./steps/kernelspec.mjs";
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
 * @property {Details} [details] what else there is to know about it
 *
 * @typedef {Record<string, unknown>} Details for `--json`
 *
 * @typedef {{ ok: boolean, said: string, details?: Details }} Probe what lib/setup/probe.mjs found out about a backend
 *
 * @typedef {import("./places.mjs").Places} Places
 */

const redo = "run `npm run setup`";

/** @returns {Check} */
export function node() {
  const { node } = process.versions;
  const npm = npmVersion();
  return {
    name: "Node.js",
    state: "ok",
    found: `${node} (${oldestNode} or newer), npm ${npm ?? "not found"}`,
  };
}

/** @returns {Check} */
export function packages(/** @type {Places} */ at) {
  const name = "npm packages";
  if (packagesStep(at).isDone()) return { name, state: "ok", found: "as package-lock.json says" };
  const there = existsSync(at.modules);
  const found = there ? "not those of package-lock.json" : "not installed";
  return { name, state: there ? "broken" : "missing", found, remedy: redo };
}

/** @returns {Check} */
export function library(/** @type {Places} */ at) {
  const name = "library";
  if (libraryStep(at).isDone()) return { name, state: "ok", found: "compiled" };
  const there = existsSync(at.dist);
  const found = there ? "not compiled from the sources that stand there now" : "not compiled";
  return { name, state: there ? "broken" : "missing", found, remedy: redo };
}

/** @returns {Check} */
export function python(/** @type {Places} */ at) {
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
export function jupyter(/** @type {Places} */ at) {
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
export function kernel(/** @type {Places} */ at) {
  const name = "kernels";
  const found = kernelNames.join(", ");
  if (!kernelspecStep(at).isDone()) {
    const there = kernelNames.some((kernel) => existsSync(path.join(at.kernels, kernel)));
    const said = there ? `${found}: set up for another Node or place` : "no kernelspec in .venv";
    return { name, state: there ? "broken" : "missing", found: said, remedy: redo };
  }
  if (existsSync(path.join(at.modules, "tslab/bin/tslab"))) return { name, state: "ok", found };
  return { name, state: "broken", found: "tslab is not in node_modules", remedy: redo };
}

/** @returns {Check} */
export function compiler() {
  try {
    return { name: "C++ compiler", state: "ok", found: findCompiler().version };
  } catch (error) {
    return fromError("C++ compiler", "optional", error);
  }
}

/** @returns {Check} */
export function tensorflow(/** @type {Places} */ at) {
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
export function binding(/** @type {Places} */ at) {
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
export function tensorflowBackend(/** @type {Probe | undefined} */ probed) {
  const name = "backend tensorflow";
  if (probed === undefined) return { name, state: "optional", found: "not installed" };
  if (probed.ok) return { name, state: "ok", found: probed.said };
  return { name, state: "broken", found: probed.said, remedy: `${redo}, or set WORKBOOK_TENSORFLOW=none` };
}

/** @returns {Check} */
export function cpuBackend(/** @type {Probe} */ { ok, said }) {
  const name = "backend cpu";
  return ok ? { name, state: "ok", found: said } : { name, state: "broken", found: said, remedy: redo };
}

/**
 * Never in the way: nothing but the GPU kernels needs it.
 *
 * @returns {Check}
 */
export function webgpuBackend(/** @type {Probe} */ { ok, said, details }) {
  const name = "backend webgpu";
  if (ok) return { name, state: "ok", found: said, ...(details && { details }) };
  // The backend's own words end with how to get one, which here has a line of its own.
  const found = said.replace(/^useBackend: "webgpu" does not start: /, "").replace(/; install .*$/, "");
  const driver =
    "install the driver of your GPU (on Linux its Vulkan driver), or Debian's software Vulkan, slow but complete: `apt-get install libvulkan1 chromium`";
  return { name, state: "optional", found, remedy: found.startsWith("no GPU") ? driver : redo };
}

/** @returns {Check} */
export function gpu() {
  const gpus = nvidiaGpus();
  if (gpus !== undefined) return { name: "GPU", state: "ok", found: gpus };
  return { name: "GPU", state: "optional", found: "no NVIDIA driver; the CPU does the arithmetic" };
}

/** @returns {Promise<Check>} */
export async function isolation(/** @type {Places} */ at) {
  const name = "isolated grading";
  const remedy = "on Debian and Ubuntu `apt-get install bubblewrap`; in a container, allow user namespaces";
  const wall = path.join(at.dist, "lib/grading/wall");
  if (!existsSync(wall))
    return { name, state: "optional", found: "the library is not compiled", remedy: redo };
  try {
    /** @type {{ describeWalls(): { walls: string[], missing: string[] } }} */
    const { describeWalls } = await import(pathToFileURL(path.join(wall, "jail.js")).href);
    /** @type {{ bundle(): { noSnapshot?: string } }} */
    const { bundle } = await import(pathToFileURL(path.join(wall, "bundle.js")).href);
    const { walls, missing } = describeWalls();
    const { noSnapshot } = bundle();
    const slow =
      noSnapshot === undefined ? [] : [`processes start slower, without a snapshot (${noSnapshot})`];
    if (missing.length === 0) return { name, state: "ok", found: [...walls, ...slow].join("; ") };
    return { name, state: "optional", found: [...missing, ...slow].join("; "), remedy };
  } catch (error) {
    return { name, state: "broken", found: error instanceof Error ? error.message : String(error), remedy };
  }
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
