// Loads one backend and multiplies with it, in a process of its own because a bad one may crash. Prints what runs.
// usage: probe.mjs BACKEND
import process from "node:process";

const name = process.argv[2];
try {
  const { useBackend } = await import("../dist/lib/backend.js");
  const tf = await import("@tensorflow/tfjs");
  const { description } = await useBackend(name);
  const got = String(
    tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2])).dataSync(),
  );
  if (got !== "19,22,43,50") throw new Error(`matrix product: expected 19,22,43,50, got ${got}`);
  process.stdout.write(description);
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
