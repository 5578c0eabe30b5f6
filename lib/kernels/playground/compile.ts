/** WGSL text → pipeline, or one sentence that says what is wrong with it. */

import { declarations, mismatch, withoutComments } from "./declarations.js";
import { KernelError } from "./failure.js";
import type { CompilerMessage, Job } from "./job.js";

export interface Compiled {
  readonly pipeline: GPUComputePipeline;
  /** Warnings and notes. */
  readonly messages: readonly CompilerMessage[];
}

type Source = Pick<Job, "wgsl" | "constants" | "inputs" | "sizes">;

/** Compiling is slow on software, and a grader runs one text at many sizes. */
const MOST_KEPT = 32;
const known = new WeakMap<GPUDevice, Map<string, Compiled>>();

/** @throws KernelError */
export async function compile(device: GPUDevice, job: Source): Promise<Compiled> {
  const kept = known.get(device) ?? new Map<string, Compiled>();
  known.set(device, kept);
  const key = JSON.stringify([job.wgsl, job.constants, job.inputs.length, job.sizes === undefined]);
  const compiled = kept.get(key) ?? (await compileNow(device, job));
  if (kept.size >= MOST_KEPT) kept.clear();
  kept.set(key, compiled);
  return compiled;
}

async function compileNow(device: GPUDevice, job: Source): Promise<Compiled> {
  const { wgsl, constants = {} } = job;
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code: wgsl });
  const { messages: said } = await module.getCompilationInfo();
  await device.popErrorScope();
  const messages = said.map(plain);
  const wrong = messages.find(({ type }) => type === "error");
  if (wrong !== undefined) {
    const at = wrong.line === 0 ? "" : ` (line ${wrong.line} of the WGSL)`;
    throw new KernelError({
      reason: "compile",
      message: `the WGSL does not compile: ${wrong.text}${at}`,
      messages,
    });
  }
  try {
    const values = Object.entries(constants).map(([name, value]) => [name, Number(value)]);
    const compute = { module, entryPoint: "main", constants: Object.fromEntries(values) };
    const pipeline = await device.createComputePipelineAsync({ layout: layoutOf(device, job), compute });
    return { pipeline, messages };
  } catch (error) {
    const message = explain(job, (error as Error).message);
    throw new KernelError({ reason: "launch", message, messages });
  }
}

/** All bindings, also those that the kernel does not use: an automatic layout would refuse them. */
function layoutOf(device: GPUDevice, { inputs, sizes }: Source): GPUPipelineLayout {
  const types: GPUBufferBindingType[] = [
    ...inputs.map((): GPUBufferBindingType => "read-only-storage"),
    "storage",
    ...(sizes === undefined ? [] : ["uniform" as const]),
  ];
  const entries = types.map((type, binding) => ({
    binding,
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type },
  }));
  return device.createPipelineLayout({ bindGroupLayouts: [device.createBindGroupLayout({ entries })] });
}

function plain({ type, message, lineNum, linePos, length }: GPUCompilationMessage): CompilerMessage {
  return { type, text: message, line: lineNum, column: linePos, width: Math.max(1, length) };
}

/** Dawn's words about a pipeline or a launch that it refused, in ours where there are any. */
export function explain({ wgsl, inputs, sizes }: Source, said: string): string {
  const code = withoutComments(wgsl);
  if (/Entry point "+main"+ doesn't exist/.test(said)) {
    const name = /@compute[^{;]*?\bfn\s+(\w+)/.exec(code)?.[1];
    return `expected an entry point \`@compute @workgroup_size(…) fn main\`, got ${name === undefined ? "none" : `\`fn ${name}\``}`;
  }
  const missing = /uninitialized pipeline overridable constants, their identifiers:\[([^\]]*)\]/.exec(
    said,
  )?.[1];
  if (missing !== undefined) return `\`constants\` needs a value for the WGSL's \`override ${missing}\``;
  const unknown = /[Oo]verridable constant "+(\w+)"+ not found/.exec(said)?.[1];
  if (unknown !== undefined) return `\`constants\` has ${unknown}, and the WGSL no \`override ${unknown}\``;
  const small =
    /bound with size (\d+) at group 0, binding (\d+) is too small[\s\S]*?at least (\d+) bytes/.exec(said);
  if (small !== null) {
    const [, got, binding, needed] = small;
    const name = declarations(wgsl).find((one) => one.binding === Number(binding))?.name ?? "";
    return `@binding(${binding}) ${name}: the WGSL's type of it needs ${needed} bytes, got ${got}`;
  }
  const different = mismatch(wgsl, { inputs: inputs.length, hasSizes: sizes !== undefined });
  if (different !== undefined) return different;
  return firstSentence(said);
}

/** Without the trail of calls that Dawn adds, and without the names of objects that nobody named. */
export function firstSentence(said: string): string {
  const [first = ""] = said.split(/\n\s*- While|\n/);
  return first
    .replace(/ ?\(unlabeled\)/g, "")
    .replaceAll('""', '"')
    .trim();
}

/** Bindings of buffers whose ends cannot be watched; those that the text does not show among them. */
export function unwatched({ wgsl, inputs }: Source): number[] {
  const open = new Set(declarations(wgsl).flatMap((one) => (one.isOpenEnded ? [one.binding] : [])));
  return Array.from({ length: inputs.length + 1 }, (_, binding) => binding).filter((each) => !open.has(each));
}
