/**
 * What tfjs's `webgpu` (4.22) computes wrongly or not at all, mended out of its own kernels, in shapes and types that they can do:
 *
 * - `Cast` of whole numbers and booleans to float32 gives the same buffer another name; what then only moves numbers fails to compile.
 * - `Transpose` of whole numbers and booleans fails to compile from rank 3 on, and with it reductions that are not over the last axes.
 * - `AddN` binds every summand at once, however few buffers the device lets a kernel have.
 * - `Select`, `Cumsum`, `Cumprod` and `Reverse` refuse rank 5 and more; `PadV2` fails to compile there, and `Tile` waits for the CPU.
 *
 * Not mended: whole numbers go through float32, also where they are only moved, and are exact up to 2²⁴.
 *
 * A kernel that fails to compile takes with it whatever else is in the same batch of commands.
 */

import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { ints, release } from "./tensors.js";

type Run = (inputs: unknown, attrs?: object) => tf.TensorInfo;
/** Kernels call it one name or the other. */
interface Reduction {
  readonly axis?: number | number[];
  readonly reductionIndices?: number | number[];
  readonly keepDims?: boolean;
}

interface Params<A> {
  readonly inputs: { readonly x: tf.TensorInfo };
  readonly attrs: A;
  readonly backend: WebGPUBackend;
}

export function mendTfjs(): void {
  mend<{ dtype: tf.DataType }>("Cast", (theirs) => ({ inputs, attrs, backend }) => {
    if (attrs.dtype !== "float32" || isFloat(inputs.x)) return theirs(inputs, attrs);
    const one = backend.makeTensorInfo([], "float32", Float32Array.of(1));
    return releasing(run("Multiply")({ a: inputs.x, b: one }), one);
  });

  mend<{ perm: number[] }>("Transpose", (theirs) => ({ inputs, attrs, backend }) => {
    const { x } = inputs;
    if (isFloat(x) || x.shape.length < 3 || backend.shouldExecuteOnCPU([x])) return theirs(inputs, attrs);
    const indices = ints(transposedIndices(x.shape, attrs.perm));
    const flat = run("GatherV2")({ x: shaped(x, [size(x.shape)]), indices }, { axis: 0, batchDims: 0 });
    return releasing(
      shaped(
        flat,
        attrs.perm.map((axis) => x.shape[axis]!),
      ),
      indices,
    );
  });

  for (const name of ["Sum", "Prod", "Max", "Min", "All", "Any", "ArgMax", "ArgMin"]) {
    mend<Reduction>(name, (theirs) => ({ inputs, attrs }) => {
      const { x } = inputs;
      const key = attrs.reductionIndices === undefined ? "axis" : "reductionIndices";
      const axes = tf.util.parseAxisParam(attrs[key]!, x.shape).sort((a, b) => a - b);
      const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
      const last = axes.map((_, i) => kept.length + i);
      if (isFloat(x) || tf.util.arraysEqual(axes, last)) return theirs(inputs, attrs);
      const turned = run("Transpose")({ x }, { perm: [...kept, ...axes] });
      const axis = name.startsWith("Arg") ? last[0]! : last;
      const result = releasing(theirs({ x: turned }, { [key]: axis, keepDims: false }), turned);
      const full = x.shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
      return attrs.keepDims ? shaped(result, full) : result;
    });
  }

  mend("AddN", (theirs) => ({ inputs, attrs, backend }) => {
    const most = backend.device.limits.maxStorageBuffersPerShaderStage - 1;
    const [first, ...rest] = inGroups(inputs as unknown as tf.TensorInfo[], most);
    let sum = theirs(first, attrs);
    for (const group of rest) sum = releasing(theirs([sum, ...group], attrs), sum);
    return sum;
  });

  mend("Select", (theirs) => ({ inputs, attrs }) => {
    const { shape } = (inputs as unknown as { t: tf.TensorInfo }).t;
    if (shape.length < 5) return theirs(inputs, attrs);
    const flat = Object.entries(inputs).map(([name, input]) => [name, shaped(input, [size(shape)])]);
    return shaped(theirs(Object.fromEntries(flat), attrs), shape);
  });

  for (const name of ["Cumsum", "Cumprod"]) {
    mend<{ axis: number }>(name, (theirs) => ({ inputs, attrs }) => {
      const { x } = inputs;
      if (x.shape.length < 5) return theirs(inputs, attrs);
      return shaped(theirs({ x: shaped(x, around(x.shape, attrs.axis)) }, { ...attrs, axis: 1 }), x.shape);
    });
  }

  mend<{ paddings: [number, number][] }>("PadV2", (theirs) => ({ inputs, attrs }) => {
    const one = (x: tf.TensorInfo, axis: number) =>
      theirs({ x }, { ...attrs, paddings: [[0, 0], attrs.paddings[axis]!, [0, 0]] });
    const isChanged = (axis: number) => attrs.paddings[axis]!.some((count) => count > 0);
    return inputs.x.shape.length < 5 ? theirs(inputs, attrs) : axisByAxis(inputs.x, isChanged, one);
  });

  mend<{ dims: number | number[] }>("Reverse", (theirs) => ({ inputs, attrs }) => {
    const { shape } = inputs.x;
    const axes = tf.util.parseAxisParam(attrs.dims, [...shape]);
    const one = (x: tf.TensorInfo) => theirs({ x }, { dims: [1] });
    return shape.length < 5
      ? theirs(inputs, attrs)
      : axisByAxis(inputs.x, (axis) => axes.includes(axis), one);
  });

  mend<{ reps: number[] }>("Tile", (theirs) => ({ inputs, attrs }) => {
    const one = (x: tf.TensorInfo, axis: number) => theirs({ x }, { reps: [1, attrs.reps[axis]!, 1] });
    const isChanged = (axis: number) => attrs.reps[axis]! !== 1;
    return inputs.x.shape.length < 5 ? theirs(inputs, attrs) : axisByAxis(inputs.x, isChanged, one);
  });
}

/** Puts a kernel in the place of tfjs's, which it is given. */
function mend<A extends object>(
  kernelName: string,
  kernel: (theirs: Run) => (params: Params<A>) => tf.TensorInfo,
): void {
  const kernelFunc = kernel(run(kernelName)) as unknown as tf.KernelFunc;
  tf.unregisterKernel(kernelName, "webgpu");
  tf.registerKernel({ kernelName, backendName: "webgpu", kernelFunc });
}

/** tfjs's kernel of that name, as it is registered now. */
function run(name: string): Run {
  const { kernelFunc } = tf.getKernel(name, "webgpu")!;
  return (inputs, attrs = {}) =>
    kernelFunc({
      inputs: inputs as tf.NamedTensorInfoMap,
      attrs: attrs as tf.NamedAttrMap,
      backend: tf.backend(),
    }) as tf.TensorInfo;
}

/** One axis after the other, each seen as the middle one of three; `one` gets a tensor of rank 3. */
function axisByAxis(
  x: tf.TensorInfo,
  isChanged: (axis: number) => boolean,
  one: (x: tf.TensorInfo, axis: number) => tf.TensorInfo,
): tf.TensorInfo {
  const changed = x.shape.map((_, axis) => axis).filter(isChanged);
  let y = x;
  for (const axis of changed) {
    const next = one(shaped(y, around(y.shape, axis)), axis);
    const shape = y.shape.with(axis, next.shape[1]!);
    if (y !== x) release(y);
    y = shaped(next, shape);
  }
  return y === x ? run("Identity")({ x }) : y;
}

/** The same numbers in another shape. */
function shaped(x: tf.TensorInfo, shape: readonly number[]): tf.TensorInfo {
  return { ...x, shape: [...shape] };
}

function releasing(result: tf.TensorInfo, ...used: readonly tf.TensorInfo[]): tf.TensorInfo {
  release(...used);
  return result;
}

const isFloat = ({ dtype }: tf.TensorInfo) => dtype !== "int32" && dtype !== "bool";
const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

/** `[before, n, after]`: n the axis. */
function around(shape: readonly number[], axis: number): number[] {
  return [size(shape.slice(0, axis)), shape[axis]!, size(shape.slice(axis + 1))];
}

/** Where each number of the transposed tensor stood before. */
function transposedIndices(shape: readonly number[], perm: readonly number[]): number[] {
  return perm.reduceRight<number[]>(
    (inner, axis) => {
      const step = size(shape.slice(axis + 1));
      return Array.from({ length: shape[axis]! }, (_, i) => i * step).flatMap((at) =>
        inner.map((rest) => at + rest),
      );
    },
    [0],
  );
}

/** The first group takes `most`, each further one leaves room for the sum so far. */
function inGroups<T>(items: readonly T[], most: number): T[][] {
  const groups = [items.slice(0, most)];
  for (let at = most; at < items.length; at += most - 1) groups.push(items.slice(at, at + most - 1));
  return groups;
}
