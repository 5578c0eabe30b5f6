// Loads one backend and multiplies with it, in a process of its own because a bad one may crash. Prints what runs, as JSON.
// usage: probe.mjs DIST BACKEND, DIST being where the library is compiled to
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const [dist = "", name] = process.argv.slice(2);
const module = path.join(dist, "lib/backend.js");
try {
  if (!existsSync(module)) throw new Error("the library is not compiled");
  const { useBackend } = await import(pathToFileURL(module).href);
  const tf = createRequire(module)("@tensorflow/tfjs");
  const { description } = await useBackend(name);
  const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2]));
  const got = String(await product.data());
  if (got !== "19,22,43,50") throw new Error(`matrix product: expected 19,22,43,50, got ${got}`);
  const details = name === "webgpu" ? await gpuDetails() : undefined;
  process.stdout.write(JSON.stringify({ said: description, details }));
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

/** @returns {Promise<import("./checks.mjs").Details>} */
async function gpuDetails() {
  const { describeGpu } = await import(pathToFileURL(path.join(dist, "lib/kernels/device.js")).href);
  const { description, driver, software, features, limits } = describeGpu();
  return { adapter: description, driver, software, features, limits };
}
