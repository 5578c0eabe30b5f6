/**
 * Finds a GPU: starts Dawn (the WebGPU of the npm package `webgpu`) and asks for an adapter.
 *
 * On Linux Dawn speaks Vulkan. Where no driver serves it (none is installed, or one that is too old, as Mesa 22's software Vulkan
 * is), the software Vulkan inside Debian's `chromium` package stands in: slow, but every kernel runs.
 */

import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import process from "node:process";

export interface Adapter {
  readonly gpu: GPU;
  readonly adapter: GPUAdapter;
}

/** What kernels may use where the adapter has it. */
const wanted: readonly GPUFeatureName[] = ["timestamp-query", "subgroups", "shader-f16"];

/** Limits that are worth raising to what the adapter has; a device has what WebGPU promises of all others. */
export const raised = [
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxBufferSize",
  "maxComputeWorkgroupSizeX",
  "maxComputeInvocationsPerWorkgroup",
] as const satisfies readonly (keyof GPUSupportedLimits)[];

export type Limit = (typeof raised)[number];

export interface GpuInfo {
  /**
   * Vendor, architecture, device and driver, as far as they are told; where the processor plays the GPU, the driver, whose name
   * says it all.
   */
  readonly description: string;
  readonly driver: string;
  /** True where the processor plays the GPU. */
  readonly software: boolean;
  readonly features: readonly GPUFeatureName[];
  /** Invocations in the smallest subgroup that may come; undefined without the feature "subgroups". */
  readonly smallestSubgroup?: number;
  readonly limits: Readonly<Record<Limit, number>>;
}

/** Where Debian's `chromium` keeps the description of its software Vulkan. */
export const SWIFT_SHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** Dawn ends with its `GPU` object, and whoever waits for its devices then waits for ever: each keeps what it came from. */
const origins = new WeakMap<GPUAdapter | GPUDevice, GPU | GPUAdapter>();

/** What to do where there is no adapter, in one sentence. */
export const howToGetOne =
  "install the driver of your GPU (on Linux its Vulkan driver), or Debian's software Vulkan: apt-get install libvulkan1 chromium";

/**
 * @param disabled features of Dawn's, by name.
 * @throws Error that says what is missing and how to get it.
 */
export async function findAdapter(disabled: readonly string[] = []): Promise<Adapter> {
  const { create, globals } = await import("webgpu").catch((error: Error) => {
    throw new Error(`the package webgpu does not load: ${error.message.split("\n")[0]}`);
  });
  // `GPUBufferUsage` and its like, which tfjs expects to be global.
  Object.assign(globalThis, globals);
  const ask = async (): Promise<Adapter | undefined> => {
    const off = usesSwiftShader() ? [...disabled, zeroAtOnce] : disabled;
    const gpu = create(off.length === 0 ? [] : [`disable-dawn-features=${off.join(",")}`]);
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    return adapter === null ? undefined : { gpu, adapter };
  };
  // Dawn complains on stderr where there is no driver at all: then it is not asked without one.
  if (!hasVulkanDriver()) turnToSwiftShader();
  const found = (await ask()) ?? (turnToSwiftShader() ? await ask() : undefined);
  if (found === undefined) throw new Error(`no GPU was found; ${howToGetOne}`);
  origins.set(found.adapter, found.gpu);
  return found;
}

/** A device with all that kernels may use and this adapter has; of limits, those in `raise`. */
export async function openDevice(adapter: GPUAdapter, raise: readonly Limit[] = raised): Promise<GPUDevice> {
  const device = await adapter.requestDevice({
    requiredFeatures: wanted.filter((feature) => adapter.features.has(feature)),
    requiredLimits: Object.fromEntries(raise.map((limit) => [limit, adapter.limits[limit]])),
  });
  origins.set(device, adapter);
  return device;
}

/** What the adapter is and has; or a device of it, which may have less. */
export function describeAdapter({
  info,
  features,
  limits,
}: Pick<GPUAdapter, "info" | "features" | "limits">): GpuInfo {
  const { vendor, architecture, device, description, subgroupMinSize } = info;
  const names = [vendor, architecture, device, description].filter((name) => name !== "").join(" ");
  const software = /swiftshader|llvmpipe|lavapipe/i.test(names);
  return {
    description: software && description !== "" ? description : names,
    driver: description === "" ? "not told" : description,
    software,
    features: wanted.filter((feature) => features.has(feature)),
    smallestSubgroup: features.has("subgroups") ? subgroupMinSize : undefined,
    limits: Object.fromEntries(raised.map((limit) => [limit, limits[limit]])) as GpuInfo["limits"],
  };
}

/** The Vulkan loader reads the environment whenever Dawn starts; what the user has set there stays. */
function turnToSwiftShader(): boolean {
  const { VK_ICD_FILENAMES, VK_DRIVER_FILES } = process.env;
  const chosen = VK_ICD_FILENAMES !== undefined || VK_DRIVER_FILES !== undefined;
  if (process.platform !== "linux" || chosen || !existsSync(SWIFT_SHADER)) return false;
  process.env.VK_ICD_FILENAMES = SWIFT_SHADER;
  return true;
}

/**
 * SwiftShader writes the zeros of workgroup memory out one by one, and takes 1 s to compile a kernel with 8 KB of it; a loop of
 * Dawn's does the same and costs 10 ms.
 */
const zeroAtOnce = "use_vulkan_zero_initialize_workgroup_memory_extension";

function usesSwiftShader(): boolean {
  return /swiftshader/i.test(process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES ?? "");
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
