// The native part of @tensorflow/tfjs-node-gpu, compiled from the sources in its npm package against the C library
// that stands in .venv. It is N-API, so one build serves every Node. (macOS: written after the manual, never tried.)
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { readIfThere, writeWhole } from "../places.mjs";
import { run } from "../processes.mjs";
import { findCompiler } from "./compiler.mjs";
import { chooseTensorflow, skipTensorflow, tensorflowFiles } from "./tensorflow.mjs";

const isMac = process.platform === "darwin";
const common = ["-O2", "-std=c++17", "-fPIC", "-DNAPI_VERSION=8", "-DBUILDING_NODE_EXTENSION"];
// Node itself provides the N-API functions.
const addon = isMac ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared"];

/** @param {import("../places.mjs").Places} at */
export function bindingStep(at) {
  const stamp = path.join(path.dirname(at.binding), ".built");
  const gateSource = path.join(at.setup, "stderr_gate.cc");
  const sources = ["tfjs_backend.cc", "tfjs_binding.cc"].map((name) =>
    path.join(at.tfjsNode, "binding", name),
  );

  const compileArguments = () => {
    const { variant } = chooseTensorflow();
    const { include, library, libraries } = tensorflowFiles(at, variant === "cuda" ? "cuda" : "cpu");
    // Relative to the addon, so that a clone may be moved.
    const origin = isMac ? "@loader_path" : "$ORIGIN";
    const rpath = `${origin}/${path.relative(path.dirname(at.binding), library)}`;
    return [
      ...["-DNODE_GYP_MODULE_NAME=tfjs_binding", `-I${at.tfjsNode}`, `-I${include}`, ...sources],
      ...[...libraries, `-Wl,-rpath,${rpath}`],
    ];
  };
  /** What the addons are made from; a change in any of it makes them anew. */
  const identity = () => {
    const hash = createHash("sha256");
    for (const file of [...sources, gateSource]) hash.update(readFileSync(file));
    const { variant } = chooseTensorflow();
    const { stamp: wheels } = tensorflowFiles(at, variant === "cuda" ? "cuda" : "cpu");
    const relative = compileArguments().map((argument) => argument.replaceAll(at.root, "."));
    return hash.update(JSON.stringify([readIfThere(wheels), common, addon, relative])).digest("hex");
  };
  return {
    name: "binding",
    title: "TensorFlow binding (C++)",
    needs: ["packages", "tensorflow"],
    without: "the `cpu` backend is used: everything works, about a hundred times slower.",
    skip: skipTensorflow,
    isDone: () =>
      [at.binding, at.stderrGate, ...sources].every((file) => existsSync(file)) &&
      readIfThere(stamp) === identity(),
    async run() {
      const { program } = findCompiler();
      const headers = `-I${path.join(at.modules, "node-api-headers/include")}`;
      const remedy = "see that the compiler knows C++17, and report the message if it does.";
      mkdirSync(path.dirname(at.binding), { recursive: true });
      rmSync(stamp, { force: true });
      // Beside its final place, where the relative path to the library holds; tried out before it goes live.
      const [binding, gate] = [nextTo(at.binding), nextTo(at.stderrGate)];
      const compile = (/** @type {string[]} */ ...args) =>
        run(program, [...common, ...addon, headers, ...args], { what: "Compiling the binding", remedy });
      await compile(...compileArguments(), "-o", binding);
      await compile(gateSource, "-o", gate);
      await run(process.execPath, [path.join(at.setup, "try-binding.cjs"), binding], {
        what: "Loading the compiled binding",
        env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: "2" },
        remedy: "set WORKBOOK_TENSORFLOW=none to do without it, and report the message.",
      });
      renameSync(binding, at.binding);
      renameSync(gate, at.stderrGate);
      writeWhole(stamp, identity());
    },
  };
}

function nextTo(/** @type {string} */ file) {
  return path.join(path.dirname(file), `next-${path.basename(file)}`);
}
