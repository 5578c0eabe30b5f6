/** Causal convolution with filters as long as the text, as a kernel of tfjs's `webgpu` backend, and its gradient. */

import * as tf from "@tensorflow/tfjs";
import { type ConvolutionAttrs, type ConvolutionInputs, LONG_CONVOLUTION } from "../fused.js";
import { launch, wgsl } from "../launch.js";
import { sumRows } from "../sum-rows.js";
import { release } from "../tensors.js";
import { convolveByFourier } from "./fourier.js";

/** Outputs of a workgroup of the direct form. */
const OUTPUTS = 256;
/** Longest row for which the direct form is taken unless another is asked for. */
const SHORT = 256;

/** Registers forward and gradient; once. */
export function registerLongConvolution(): void {
  tf.registerKernel({ kernelName: LONG_CONVOLUTION, backendName: "webgpu", kernelFunc: forward });
  tf.registerGradient({
    kernelName: LONG_CONVOLUTION,
    inputsToSave: ["u", "h", "bias"],
    gradFunc: gradient,
  });
}

/** y `[B, C, T]`. */
const forward: tf.KernelFunc = ({ inputs, attrs }) => {
  const { u, h, bias } = inputs as Record<keyof ConvolutionInputs, tf.TensorInfo>;
  return convolve({ u, h, bias, reversed: false }, attrs);
};

/**
 * With g = dL/dy:  dL/du_s = Σ_(t≥s) h_(t−s) g_t + bias g_s and dL/dh_k = Σ_B Σ_t g_t u_(t−k). Both are convolutions of g, read and
 * written from the end.
 */
const gradient: tf.GradFunc = (given, saved, attrs) => {
  const g = given as tf.Tensor3D;
  const [u, h, bias] = saved as [tf.Tensor3D, tf.Tensor2D, tf.Tensor1D];
  const backwards = (h: tf.Tensor, bias: tf.Tensor) => convolve({ u: g, h, bias, reversed: true }, attrs);
  const byWeights = () => {
    const parts = backwards(u, tf.zerosLike(bias)); // [B, C, T]
    const dh = sumRows({ parts, rows: u.shape[0], shape: h.shape });
    release(parts);
    return dh;
  };
  return {
    u: () => tf.engine().makeTensorFromTensorInfo(backwards(h, bias)),
    h: byWeights,
    bias: () => tf.sum(tf.mul(g, u), [0, 2]),
  };
};

export interface Convolution {
  /** `[B, C, T]` */
  readonly u: tf.TensorInfo;
  /** `[C, T]` or `[B, C, T]` */
  readonly h: tf.TensorInfo;
  /** `[C]` */
  readonly bias: tf.TensorInfo;
  /** Reads u and writes the result from the end. */
  readonly reversed: boolean;
}

function convolve(convolution: Convolution, attrs?: object): tf.TensorInfo {
  const { u, h, bias, reversed } = convolution;
  const [B, C, T] = u.shape as [number, number, number];
  const { rung = T > SHORT ? "fourier" : "direct" } = attrs as ConvolutionAttrs;
  if (rung === "fourier") return convolveByFourier(convolution);
  const [y] = launch({
    code: wgsl("long-convolution/direct.wgsl"),
    constants: { reversed },
    inputs: [u, h, bias],
    outputs: [u.shape],
    sizes: [T, C, h.shape.length === 3 ? C : 0],
    workgroups: [Math.ceil(T / OUTPUTS), C, B],
  });
  return y!;
}
