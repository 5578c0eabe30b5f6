/**
 * Picks the tfjs backend and describes it.
 *
 * `tensorflow` is the native TensorFlow C library behind `@tensorflow/tfjs-node-gpu` (CPU or CUDA, whichever
 * wheel the set-up installed); `webgpu` is any GPU with Vulkan, Metal or D3D12, through Dawn, and runs the kernels of
 * `lib/kernels/`; `cpu` is plain JavaScript, complete and slow. `WORKBOOK_BACKEND` chooses; without it
 * `tensorflow` is used, or else `cpu`. Results of `webgpu` can only be read asynchronously (`await tensor.data()`).
 */

import { createRequire } from "node:module";
import process from "node:process";
import util from "node:util";
import * as tf from "@tensorflow/tfjs";

export type BackendName = "tensorflow" | "webgpu" | "cpu";
export const backendNames: readonly BackendName[] = ["tensorflow", "webgpu", "cpu"];

export interface BackendInfo {
  /** The tfjs name of the backend in use. */
  readonly name: BackendName;
  /** One sentence for people: what runs the arithmetic. */
  readonly description: string;
  /** Why a faster backend is not in use; undefined when nothing faster was asked for or failed. */
  readonly fallbackReason?: string;
}

const require = createRequire(import.meta.url);

/**
 * Makes a backend current and says what it is.
 *
 * @param name the backend wanted; by default `WORKBOOK_BACKEND`, or else `tensorflow` where it loads.
 * @throws when `name` (or `WORKBOOK_BACKEND`) is unknown, or was asked for by name and does not load.
 */
export async function useBackend(
  name: string | undefined = process.env.WORKBOOK_BACKEND,
): Promise<BackendInfo> {
  if (name !== undefined && name !== "" && !isBackendName(name)) {
    throw new Error(`useBackend: expected one of ${backendNames.join(", ")}, got "${name}"`);
  }
  if (name === "cpu") return activateCpu();
  if (name === "webgpu") return activateWebgpu();
  const failure = loadTensorflow();
  if (failure === undefined) return activate("tensorflow", describeTensorflow());
  if (name === "tensorflow") throw new Error(`useBackend: "tensorflow" does not load: ${failure}`);
  return { ...(await activateCpu()), fallbackReason: failure };
}

function isBackendName(name: string): name is BackendName {
  return (backendNames as readonly string[]).includes(name);
}

async function activate(name: BackendName, description: string): Promise<BackendInfo> {
  if (!(await tf.setBackend(name))) throw new Error(`useBackend: tfjs could not start "${name}"`);
  await tf.ready();
  return { name, description };
}

async function activateCpu(): Promise<BackendInfo> {
  const info = await activate("cpu", "plain JavaScript on one core (slow, but complete)");
  // With its first tensor the backend advertises another package on the console, unless it believes to be tested.
  const wasTest = tf.env().getBool("IS_TEST");
  tf.env().set("IS_TEST", true);
  tf.scalar(0).dispose();
  tf.env().set("IS_TEST", wasTest);
  return info;
}

async function activateWebgpu(): Promise<BackendInfo> {
  // Dawn is 20 MB: only who wants a GPU loads it.
  const { describeGpu, startGpu } = await import("./kernels/device.js");
  await startGpu().catch((error: Error) => {
    throw new Error(`useBackend: "webgpu" does not start: ${error.message}`);
  });
  const { description, software } = describeGpu();
  const what = software ? "software in place of a GPU (slow)" : "GPU";
  return activate("webgpu", `WebGPU on ${description}, ${what}`);
}

let tensorflowLoaded = false;

/** Registers the `tensorflow` backend; returns why it could not, or undefined. */
function loadTensorflow(): string | undefined {
  if (tensorflowLoaded) return undefined;
  // tfjs-node calls two helpers that newer Nodes warn about (22) and have removed (23).
  Object.assign(util, {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    isArray: Array.isArray,
  });
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  const stderr = stderrGate();
  stderr?.close();
  try {
    require("@tensorflow/tfjs-node-gpu");
    tensorflowLoaded = true;
    return undefined;
  } catch (error) {
    const [firstLine = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    return `${firstLine.trim()} (npx workbook doctor says how to repair it)`;
  } finally {
    stderr?.open();
  }
}

/** The set-up builds a tiny addon that mutes file descriptor 2 while TensorFlow greets; optional. */
function stderrGate(): { close(): void; open(): void } | undefined {
  try {
    return require("@tensorflow/tfjs-node-gpu/lib/stderr_gate.node");
  } catch {
    return undefined;
  }
}

function describeTensorflow(): string {
  const backend = tf.findBackend("tensorflow") as unknown as {
    binding?: { TF_Version?: string };
    isUsingGpuDevice?: boolean;
  };
  const version = backend.binding?.TF_Version ?? "unknown version";
  return `TensorFlow ${version} (C library) on the ${backend.isUsingGpuDevice === true ? "GPU" : "CPU"}`;
}
