/**
 * Finds a GPU: starts Dawn (the WebGPU of the npm package `webgpu`) and asks for an adapter.
 *
 * On Linux Dawn speaks Vulkan. Where no driver is installed, the software Vulkan inside Debian's `chromium` package stands in:
 * slow, but every kernel runs.
 */

import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import process from "node:process";

export interface Adapter {
  readonly gpu: GPU;
  readonly adapter: GPUAdapter;
}

/** Where Debian's `chromium` keeps the description of its software Vulkan. */
const SOFTWARE_VULKAN = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** What to do where there is no adapter, in one sentence. */
export const howToGetOne =
  "install the driver of your GPU (on Linux its Vulkan driver), or Debian's software Vulkan: apt-get install libvulkan1 chromium";

/** @throws Error that says what is missing and how to get it. */
export async function findAdapter(): Promise<Adapter> {
  const { create, globals } = await import("webgpu").catch((error: Error) => {
    throw new Error(`the package webgpu does not load: ${error.message.split("\n")[0]}`);
  });
  // `GPUBufferUsage` and its like, which tfjs expects to be global.
  Object.assign(globalThis, globals);
  useSoftwareVulkanWithoutDriver();
  const gpu = create([]);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) throw new Error(`no GPU was found; ${howToGetOne}`);
  return { gpu, adapter };
}

/** The Vulkan loader reads the environment when Dawn starts; what the user has set there stays. */
function useSoftwareVulkanWithoutDriver(): void {
  if (process.platform !== "linux") return;
  if (process.env.VK_ICD_FILENAMES !== undefined || process.env.VK_DRIVER_FILES !== undefined) return;
  if (existsSync(SOFTWARE_VULKAN) && !hasVulkanDriver()) process.env.VK_ICD_FILENAMES = SOFTWARE_VULKAN;
}

/** The folders in which the Vulkan loader looks for drivers, in short: XDG's, `/etc` and `/usr/local`. */
function hasVulkanDriver(): boolean {
  const { HOME = "", XDG_DATA_HOME = path.join(HOME, ".local/share"), XDG_DATA_DIRS } = process.env;
  const shared = (XDG_DATA_DIRS ?? "/usr/local/share:/usr/share").split(":");
  const folders = ["/etc", "/usr/local/etc", XDG_DATA_HOME, ...shared].map((folder) =>
    path.join(folder, "vulkan/icd.d"),
  );
  return folders.some((folder) => existsSync(folder) && readdirSync(folder).some(isDescription));
}

const isDescription = (file: string) => file.endsWith(".json");
