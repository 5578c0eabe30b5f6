// TensorFlow's C library and headers, out of Google's Python wheels. No Python runs them, so the wheels for one fixed
// Python serve every machine.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { readIfThere, writeWhole } from "../places.mjs";
import { ask, run, StepError, which } from "../processes.mjs";
import { findCompiler } from "./compiler.mjs";
import { pip } from "./python.mjs";

const version = "2.21.0";
const without = "the `cpu` backend is used: everything works, about a hundred times slower.";

// The `and-cuda` extra of that version, newest of each within its bounds.
const cudaWheels = [
  "nvidia-cublas-cu12==12.9.3.13",
  "nvidia-cuda-cupti-cu12==12.9.79",
  "nvidia-cuda-nvcc-cu12==12.9.86",
  "nvidia-cuda-nvrtc-cu12==12.9.86",
  "nvidia-cuda-runtime-cu12==12.9.79",
  "nvidia-cudnn-cu12==9.28.0.42",
  "nvidia-cufft-cu12==11.4.1.4",
  "nvidia-curand-cu12==10.3.10.19",
  "nvidia-cusolver-cu12==11.7.5.82",
  "nvidia-cusparse-cu12==12.5.10.65",
  "nvidia-nccl-cu12==2.32.3",
  "nvidia-nvjitlink-cu12==12.9.86",
];

/**
 * @typedef {{ variant: "cpu" | "cuda" | "none", why: string }} Choice
 * @typedef {{ platform: string, arch: string, hasNvidia: () => boolean }} Machine
 */

/**
 * Which TensorFlow this machine gets; WORKBOOK_TENSORFLOW decides where it is set.
 *
 * @throws StepError when it is set to something else.
 * @param {NodeJS.ProcessEnv} [env]
 * @param {Machine} [machine]
 * @returns {Choice}
 */
export function chooseTensorflow(env = process.env, machine = thisMachine) {
  const asked = env.WORKBOOK_TENSORFLOW || undefined;
  if (asked !== undefined && asked !== "cpu" && asked !== "cuda" && asked !== "none") {
    throw new StepError(
      `WORKBOOK_TENSORFLOW: expected cpu, cuda or none, got "${asked}".`,
      "set it to one of these, or unset it.",
    );
  }
  const target = `${machine.platform}-${machine.arch}`;
  if (asked === "cuda" && target !== "linux-x64") {
    throw new StepError(
      `WORKBOOK_TENSORFLOW: cuda is for linux-x64, and this is ${target}.`,
      "set it to cpu or none.",
    );
  }
  if (asked === "none") return { variant: "none", why: "WORKBOOK_TENSORFLOW=none" };
  if (!["linux-x64", "linux-arm64", "darwin-arm64"].includes(target)) {
    return { variant: "none", why: `there is no TensorFlow ${version} for ${target}` };
  }
  if (asked !== undefined) return { variant: asked, why: `WORKBOOK_TENSORFLOW=${asked}` };
  // Only this platform's wheels are built for CUDA.
  const gpu = target === "linux-x64" && machine.hasNvidia();
  return gpu ? { variant: "cuda", why: "NVIDIA driver" } : { variant: "cpu", why: "no NVIDIA driver" };
}

const thisMachine = {
  platform: process.platform,
  arch: process.arch,
  hasNvidia: () => existsSync("/proc/driver/nvidia/version") || which("nvidia-smi") !== undefined,
};

/**
 * Where a variant lies, and whether it is there.
 *
 * @param {import("../places.mjs").Places} at
 * @param {"cpu" | "cuda"} variant
 */
export function tensorflowFiles(at, variant) {
  const folder = path.join(at.venv, `tensorflow-${variant}`);
  const suffix = process.platform === "darwin" ? ".2.dylib" : ".so.2";
  const library = path.join(folder, "tensorflow");
  return {
    version,
    folder,
    library,
    include: path.join(library, "include"),
    libraries: ["cc", "framework"].map((part) => path.join(library, `libtensorflow_${part}${suffix}`)),
    stamp: path.join(folder, ".wheels"),
  };
}

/** @param {import("../places.mjs").Places} at */
export function tensorflowStep(at) {
  return {
    name: "tensorflow",
    title: "TensorFlow's C library",
    needs: ["python"],
    without,
    skip: skipTensorflow,
    isDone() {
      const { variant } = chooseTensorflow();
      if (variant === "none") return true;
      const { stamp, libraries } = tensorflowFiles(at, variant);
      return readIfThere(stamp) === identity(at, variant) && libraries.every((file) => existsSync(file));
    },
    async run() {
      const { variant } = chooseTensorflow();
      if (variant === "none") return;
      // Nothing could use the library: better said before 270 MB are fetched.
      findCompiler();
      refuseOldProcessor();
      const { folder, stamp } = tensorflowFiles(at, variant);
      for (const name of readdirSync(at.venv)) {
        if (/^tensorflow-.*\.(partial|old)$/.test(name)) {
          rmSync(path.join(at.venv, name), { recursive: true, force: true });
        }
      }
      const [partial, old] = [`${folder}.partial`, `${folder}.old`];
      const downloads = path.join(partial, "downloads");
      mkdirSync(downloads, { recursive: true });
      await pip(at, "download", ...wheelOptions, "-d", downloads, ...wheels(variant));
      const files = readdirSync(downloads).map((name) => path.join(downloads, name));
      await run(at.python, [path.join(at.setup, "unpack.py"), partial, ...files], {
        what: "Unpacking TensorFlow",
        remedy: "see that the disk has room (3 GB; cuda: 10 GB), then run `npm run setup` again.",
      });
      rmSync(downloads, { recursive: true });
      writeWhole(path.join(partial, path.basename(stamp)), identity(at, variant));
      if (existsSync(folder)) renameSync(folder, old);
      renameSync(partial, folder);
      rmSync(old, { recursive: true, force: true });
    },
  };
}

/** Why TensorFlow is not wanted here, or undefined. */
export function skipTensorflow() {
  const { variant, why } = chooseTensorflow();
  return variant === "none" ? why : undefined;
}

const wheelOptions = ["--no-deps", "--only-binary=:all:", "--python-version=3.11", "--implementation=cp"];

function wheels(/** @type {"cpu" | "cuda"} */ variant) {
  if (variant === "cuda") return [`tensorflow==${version}`, ...cudaWheels];
  const small = process.platform === "linux" && process.arch === "x64";
  return [`tensorflow${small ? "-cpu" : ""}==${version}`];
}

function identity(/** @type {import("../places.mjs").Places} */ at, /** @type {"cpu" | "cuda"} */ variant) {
  const unpack = createHash("sha256")
    .update(readFileSync(path.join(at.setup, "unpack.py")))
    .digest("hex");
  return `${[...wheels(variant), process.arch, `unpack.py ${unpack}`].join("\n")}\n`;
}

/** On a processor without AVX the library does not fail to load: it kills the process. */
function refuseOldProcessor() {
  const cpu = process.arch === "x64" ? readIfThere("/proc/cpuinfo") : undefined;
  if (cpu === undefined || /^flags\s*:.*\bavx\b/m.test(cpu)) return;
  throw new StepError(
    "TensorFlow needs a processor with AVX, and this one has none.",
    "set WORKBOOK_TENSORFLOW=none.",
  );
}

/** The NVIDIA GPUs by name and driver, or undefined. */
export function nvidiaGpus() {
  return ask("nvidia-smi", ["--query-gpu=name,driver_version", "--format=csv,noheader"])
    ?.split("\n")
    .join("; ");
}
