/**
 * Calls a kernel of ours where the current backend has it. Knows tfjs's registry and nothing else, so that variants
 * stay free of GPUs, files and Node.
 */

import * as tf from "@tensorflow/tfjs";

/** True when the current backend has that kernel. */
export function hasKernel(name: string): boolean {
  return tf.getKernel(name, tf.getBackend()) !== undefined;
}

/** Runs the kernel, with its gradient; `inputs` by name, as the kernel's file says. */
export function runKernel(
  name: string,
  inputs: Readonly<Record<string, tf.Tensor>>,
  attrs: Readonly<Record<string, unknown>>,
): tf.Tensor[] {
  const outputs = tf.engine().runKernel(name, inputs as tf.NamedTensorMap, attrs as tf.NamedAttrMap) as
    | tf.Tensor
    | tf.Tensor[];
  return Array.isArray(outputs) ? outputs : [outputs];
}

/** softmax(q kᵀ · scale + bias + mask) v and the logarithm of each row's sum: `[B, H, T, E]`, `[B, H, T]`. */
export const ATTENTION = "WorkbookAttention";
/** The same for the blocks of pairs that a table names. */
export const BLOCK_SPARSE = "WorkbookBlockSparseAttention";
/** dq, from the inputs of one of these two, the gradient of its output, and each row's log-sum-exp and δ. */
export const queryGradientOf = (name: string): string => `${name}QueryGradient`;
/** dk and dv, from the same. */
export const keyGradientOf = (name: string): string => `${name}KeyGradient`;
/** Widest head, D or E, that these kernels take. */
export const MAX_WIDTH = 128;

export interface AttentionInputs {
  readonly q: tf.Tensor4D;
  readonly k: tf.Tensor4D;
  readonly v: tf.Tensor4D;
  /** Broadcastable to `[B, H, T, S]`. */
  readonly bias: tf.Tensor;
  /** Boolean, true where attention is allowed; broadcastable to `[B, H, T, S]`. */
  readonly mask: tf.Tensor;
}

export interface AttentionAttrs {
  readonly scale: number;
  readonly causal: boolean;
  /** Keys farther than this from the query's own position are not seen; all are seen unless given. */
  readonly radius?: number;
  /** False where `bias` is 0, so that nobody reads it. */
  readonly biased: boolean;
  /** False where `mask` is true, likewise. */
  readonly masked: boolean;
  readonly rung?: Rung;
}

/**
 * The versions of a kernel, from the one that is easy to read on; the best that the device has runs unless told. `f16` runs only when
 * told: it keeps operands in half precision, at 1e-3 of the result (attention/f16.wgsl states the bound).
 */
export type Rung = "plain" | "tiled" | "subgroup" | "f16";

export interface BlockSparseInputs {
  readonly q: tf.Tensor4D;
  readonly k: tf.Tensor4D;
  readonly v: tf.Tensor4D;
  /** Boolean, `[⌈T / blockSize⌉, ⌈S / blockSize⌉]`. */
  readonly blocks: tf.Tensor2D;
}

export interface BlockSparseAttrs {
  readonly scale: number;
  readonly causal: boolean;
  readonly blockSize: number;
  readonly rung?: Rung;
}

/** o_t = Σ_{s ≤ t} (q_t ∘ Π_{s < u ≤ t} e^{g_u}) · k_s v_s, `[B, H, T, E]`: linear attention with decay g ≤ 0. */
export const LINEAR_ATTENTION = "WorkbookLinearAttention";

/** Widest keys and values that the kernels of linear attention and the delta rule take. */
export const MAX_STATE = 128;

export interface LinearAttentionInputs {
  readonly q: tf.Tensor4D;
  readonly k: tf.Tensor4D;
  readonly v: tf.Tensor4D;
  /** Broadcastable to `[B, H, T, D]`. */
  readonly logDecay: tf.Tensor;
}

export interface LinearAttentionAttrs {
  /**
   * `plain`: a walk along T; `chunked`: products of 64 positions; `f16`: the same with operands rounded to halves. The best for
   * the sizes unless given, and never `f16`.
   */
  readonly rung?: "plain" | "chunked" | "f16";
}

/** S_t = S_{t−1} + k_t u_tᵀ with u_t = β_t (v_t − S_{t−1}ᵀ k_t), o_t = S_tᵀ q_t: `[B, H, T, E]`, and what its gradient keeps. */
export const DELTA_RULE = "WorkbookDeltaRule";

export interface DeltaRuleInputs {
  readonly q: tf.Tensor4D;
  readonly k: tf.Tensor4D;
  readonly v: tf.Tensor4D;
  /** `[B, H, T]` */
  readonly beta: tf.Tensor3D;
}

/** `plain`: an invocation walks along T for each column of the state; `subgroup`: 4 or 8 do; `chunked`: 32 positions at a time. */
export type DeltaRuleRung = "plain" | "subgroup" | "chunked";

export interface DeltaRuleAttrs {
  /** The best for the length and the device unless given. */
  readonly rung?: DeltaRuleRung;
}

/** The selective scan (lib/variants/mamba.ts): y `[B, T, D]`. */
export const SELECTIVE_SCAN = "WorkbookSelectiveScan";
/** Most states a channel may have; their number must be a multiple of 4. */
export const MAX_STATES = 32;

export interface ScanInputs {
  /** `[B, T, D]` */
  readonly x: tf.Tensor3D;
  readonly delta: tf.Tensor3D;
  /** `[D, N]` */
  readonly A: tf.Tensor2D;
  /** `[B, T, N]` */
  readonly B: tf.Tensor3D;
  readonly C: tf.Tensor3D;
}

export interface ScanAttrs {
  /** Zero-order hold in place of Euler's rule. */
  readonly zeroOrder: boolean;
  /** The best for the sizes unless given; `subgroup` needs subgroups of 4 or more. */
  readonly rung?: "plain" | "chunked" | "subgroup";
}

/** WKV of RWKV-4: y and the logarithm of each row's sum of weights, `[B, T, C]` each; only y has a gradient. */
export const WKV = "WorkbookWkv";

export interface WkvInputs {
  /** `[C]`, the logarithm of what is left of a weight after one position: 0 or less. */
  readonly w: tf.Tensor1D;
  /** `[C]`, the newest key's bonus. */
  readonly u: tf.Tensor1D;
  /** `[B, T, C]` */
  readonly k: tf.Tensor3D;
  readonly v: tf.Tensor3D;
}

export interface WkvAttrs {
  /** The best for the length unless given. */
  readonly rung?: "plain" | "chunked";
}

/** y_t = Σ_(s≤t) h_(t−s) u_s + bias u_t: `[B, C, T]`. */
export const LONG_CONVOLUTION = "WorkbookLongConvolution";

export interface ConvolutionInputs {
  /** `[B, C, T]` */
  readonly u: tf.Tensor3D;
  /** `[C, T]` */
  readonly h: tf.Tensor2D;
  /** `[C]` */
  readonly bias: tf.Tensor1D;
}

export interface ConvolutionAttrs {
  /** The best for the length unless given. */
  readonly rung?: "direct" | "fourier";
}

/** Attention of few queries to a long cache, cut along the keys: `[out]` of shape `[B, H, T, E]` from q, k and v. */
export const DECODE = "WorkbookDecode";

/** `plain`: one invocation per piece; `split`: a workgroup per worker; `subgroup`: the same, with sums inside a subgroup. */
export type DecodeRung = "plain" | "split" | "subgroup";

export interface DecodeAttrs {
  readonly scale: number;
  /** Keys that each batch element has; query t sees all but the last T − 1 − t of them. */
  readonly lengths: readonly number[];
  /** For each worker its pieces: keys `from` ≤ s < `to` of key head `g` of batch element `b`. All keys once. */
  readonly splits: readonly (readonly {
    readonly b: number;
    readonly g: number;
    readonly from: number;
    readonly to: number;
  }[])[];
  readonly rung?: DecodeRung;
}

/**
 * Attention inside each of several texts that lie behind one another without padding: `[N, H, E]`, and the logarithm of each row's
 * sum, `[N, H]`, from q, k and v.
 */
export const PACKED = "WorkbookPackedAttention";

export interface PackedAttrs {
  readonly scale: number;
  readonly causal: boolean;
  /** Tokens of each text; they sum to N. */
  readonly lengths: readonly number[];
  readonly rung?: Rung;
}
