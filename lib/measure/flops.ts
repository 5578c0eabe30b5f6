/**
 * How many floating-point operations each tfjs kernel does, from its shapes and attributes.
 *
 * Conventions: a multiply-add is two; any elementwise function, comparison or selection is one per output element
 * (exp as well as add); a reduction is one per input element; moving, copying and casting are none. Padding is
 * counted as data. A kernel without a formula is unknown, never zero.
 */

import type * as tf from "@tensorflow/tfjs";
import { fusedFlops } from "../kernels/flops.js";

/** One executed kernel, as the engine called it. */
export interface KernelCall {
  readonly name: string;
  readonly inputs: Readonly<Record<string, tf.TensorInfo | undefined>>;
  readonly outputs: readonly tf.TensorInfo[];
  readonly attrs: Readonly<Record<string, unknown>>;
}

/** Floating-point operations of one call. */
export type FlopFormula = (call: KernelCall) => number;

const formulas = new Map<string, FlopFormula>();

/** Gives a kernel its formula: what a file that registers a kernel of its own calls beside it. */
export function defineFlops(kernelName: string, formula: FlopFormula): void {
  formulas.set(kernelName, formula);
}

/** The operations of one call, or undefined where no formula covers it. */
export function kernelFlops(call: KernelCall): number | undefined {
  const flops = formulas.get(call.name)?.(call);
  // A forged attribute may make a formula give anything.
  return flops !== undefined && Number.isFinite(flops) && flops >= 0 ? flops : undefined;
}

for (const [name, formula] of Object.entries(fusedFlops)) defineFlops(name, formula);

const size = (tensor: tf.TensorInfo) => product(tensor.shape);
const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);
const last = (sizes: readonly number[], back = 1) => sizes[sizes.length - back] ?? 1;
const input = ({ inputs }: KernelCall, name: string) => inputs[name]!;
const output = ({ outputs }: KernelCall) => outputs[0]!;
const given = ({ inputs }: KernelCall) => Object.values(inputs).filter((tensor) => tensor !== undefined);

function define(names: string, formula: FlopFormula): void {
  for (const name of names.split(/\s+/)) defineFlops(name, formula);
}

define(
  `Reshape Identity Cast Transpose Slice StridedSlice Concat Pack Unpack SplitV GatherV2 GatherNd Tile BroadcastTo
   BroadcastArgs PadV2 MirrorPad Reverse Fill Range LinSpace OnesLike ZerosLike OneHot Complex Real Imag Diag
   SpaceToBatchND BatchToSpaceND DepthToSpace ExpandDims SparseToDense TensorScatterUpdate`,
  () => 0,
);

// Complex arithmetic costs more real operations; complex forms of the other functions stay unknown.
const complexFlops: Readonly<Record<string, number>> = { Add: 2, Sub: 2, Neg: 2, Multiply: 6, RealDiv: 11 };

define(
  `Add Sub Multiply RealDiv FloorDiv Mod Pow Maximum Minimum Neg Abs Sign Step Square Sqrt Rsqrt Reciprocal Exp Expm1
   Log Log1p Erf Sin Cos Tan Sinh Cosh Tanh Asin Acos Atan Asinh Acosh Atanh Atan2 Floor Ceil Round ClipByValue Relu
   Relu6 LeakyRelu Prelu Elu Selu Sigmoid Softplus Equal NotEqual Less LessEqual Greater GreaterEqual LogicalAnd
   LogicalOr LogicalNot LogicalXor BitwiseAnd IsNan IsInf IsFinite Select`,
  (call) => {
    const complex = output(call).dtype === "complex64";
    return size(output(call)) * (complex ? (complexFlops[call.name] ?? Number.NaN) : 1);
  },
);
define("SquaredDifference EluGrad", (call) => 2 * size(output(call)));
define("ComplexAbs", (call) => 4 * size(output(call)));
define("AddN", (call) => (given(call).length - 1) * size(output(call)));

define("Sum Prod Mean Max Min All Any ArgMax ArgMin Cumsum Cumprod UnsortedSegmentSum Bincount", (call) =>
  size(given(call)[0]!),
);
define("DenseBincount", (call) => size(input(call, "x")));
define("ScatterNd", (call) => size(input(call, "updates")));
// max, subtract, exp, sum, divide
define("Softmax", (call) => 5 * size(output(call)));
// the same, and log in place of the division, which becomes a subtraction
define("LogSoftmax", (call) => 5 * size(output(call)) + size(output(call)) / last(output(call).shape));
// x − mean, · rsqrt(variance + ε), · scale, + offset; the two inner operations once per channel
define("FusedBatchNorm", (call) => 4 * size(output(call)) + 2 * size(input(call, "variance")));
// Keeping the k largest of n in a heap compares each of n with at most log₂ k others.
define("TopK", (call) => size(input(call, "x")) * Math.max(1, Math.ceil(Math.log2(Number(call.attrs.k)))));
define("FFT IFFT", (call) => 5 * size(output(call)) * Math.log2(last(output(call).shape)));
// Of real rows (fft.ts): half of it.
define("RFFT", (call) => 2.5 * size(input(call, "input")) * Math.log2(last(input(call, "input").shape)));
define("IRFFT", (call) => 2.5 * size(output(call)) * Math.log2(last(output(call).shape)));

/** 2 m n k per matrix. k follows from a's size, whichever way a lies. */
function matMulFlops(call: KernelCall): number {
  const [a, out] = [input(call, "a").shape, output(call).shape];
  const k = (last(a, 2) * last(a)) / last(out, 2);
  return last(out, 2) === 0 ? 0 : 2 * product(out) * k;
}
define("BatchMatMul", matMulFlops);
define("_FusedMatMul", (call) => matMulFlops(call) + epilogueFlops(call));

/** Bias and activation of a fused kernel, one each per output element. */
function epilogueFlops(call: KernelCall): number {
  const { activation } = call.attrs;
  const active = activation !== undefined && activation !== null && activation !== "linear";
  return size(output(call)) * (Number(call.inputs.bias !== undefined) + Number(active));
}

/** Two per filter tap that one position of `at` meets; a filter is `[..., inputs, outputs]`. */
const convolution = (at: tf.TensorInfo, filter: tf.TensorInfo) =>
  (2 * size(at) * size(filter)) / last(filter.shape);
/** Depthwise filters `[height, width, channels, multiplier]` meet one channel at a time. */
const depthwise = (at: tf.TensorInfo, [height = 1, width = 1]: readonly number[]) =>
  2 * size(at) * height * width;

define("Conv2D Conv3D", (call) => convolution(output(call), input(call, "filter")));
define("FusedConv2D", (call) => convolution(output(call), input(call, "filter")) + epilogueFlops(call));
define("Conv2DBackpropInput Conv3DBackpropInputV2", (call) =>
  convolution(input(call, "dy"), input(call, "filter")),
);
define("Conv2DBackpropFilter Conv3DBackpropFilterV2", (call) => convolution(input(call, "dy"), output(call)));
define("DepthwiseConv2dNative", (call) => depthwise(output(call), input(call, "filter").shape));
define(
  "FusedDepthwiseConv2D",
  (call) => depthwise(output(call), input(call, "filter").shape) + epilogueFlops(call),
);
define("DepthwiseConv2dNativeBackpropInput", (call) =>
  depthwise(input(call, "dy"), input(call, "filter").shape),
);
define("DepthwiseConv2dNativeBackpropFilter", (call) => depthwise(input(call, "dy"), output(call).shape));

define("AvgPool MaxPool", (call) => size(output(call)) * poolWindow(call, 2));
define("AvgPool3D MaxPool3D", (call) => size(output(call)) * poolWindow(call, 3));
define("AvgPoolGrad MaxPoolGrad", (call) => size(input(call, "dy")) * poolWindow(call, 2));
define("AvgPool3DGrad MaxPool3DGrad", (call) => size(input(call, "dy")) * poolWindow(call, 3));

function poolWindow({ attrs }: KernelCall, rank: number): number {
  const filter = attrs.filterSize as number | number[];
  return typeof filter === "number" ? filter ** rank : product(filter);
}

// Every combination of labels costs one product per further operand, and one addition if any label is summed.
define("Einsum", (call) => {
  const [terms = "", result = ""] = String(call.attrs.equation).replaceAll(" ", "").split("->");
  const sizes = new Map<string, number>();
  terms.split(",").forEach((labels, i) => {
    [...labels].forEach((label, axis) => {
      sizes.set(label, given(call)[i]!.shape[axis]!);
    });
  });
  const summed = [...sizes.keys()].some((label) => !result.includes(label));
  return product([...sizes.values()]) * (given(call).length - 1 + Number(summed));
});
