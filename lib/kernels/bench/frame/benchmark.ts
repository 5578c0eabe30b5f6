/** What a kernel's file in `lib/kernels/bench/` exports: the sizes to measure, and the rungs to measure at each. */

import type * as tf from "@tensorflow/tfjs";
import type { Tolerance } from "../../../assert-close.js";
import type { GpuInfo } from "../../adapter.js";

/** One size. */
export interface Case {
  /** "causal, H = 8, T = 4096, D = 64" */
  readonly label: string;
  /** Floating-point operations that the mathematics asks for, whatever a rung does besides. */
  readonly flops: number;
  /** Every input read once and every output written once: no rung moves less. */
  readonly bytes: number;
  readonly inputs: () => tf.Tensor[];
  /**
   * By name. The first is the composition of tfjs's operations: every other one must give the same numbers, and is compared
   * with its time.
   */
  readonly rungs: Readonly<Record<string, (inputs: readonly tf.Tensor[]) => tf.Tensor | tf.Tensor[]>>;
  /** How far a rung's numbers may be from the first one's. */
  readonly rounding: Tolerance;
  /** By name, for rungs that may be farther. */
  readonly roundings?: Readonly<Record<string, Tolerance>>;
  /** How many times as fast as the composition the best rung ought to be on a GPU; nothing is said of it unless given. */
  readonly timesComposed?: number;
  /** What PyTorch computes from the same inputs, so that its time can stand beside ours; nothing unless given. */
  readonly torch?: TorchProblem;
}

/** A problem that `torch/` knows by name. */
export interface TorchProblem {
  readonly problem: string;
  /** Whatever else that problem needs. */
  readonly options?: Readonly<Record<string, number | boolean | string | readonly number[]>>;
  /** Of so many inputs, the first ones, the gradients of the output's sum are the result. The output itself is unless given. */
  readonly gradients?: number;
}

/** The cases of a kernel on that adapter: small ones on software. Exported as `benchmark`. */
export type Benchmark = (gpu: GpuInfo) => readonly Case[];

/** Each form of a kernel, by name, as the rung that `call` makes of it. */
export function rungsOf<F>(
  forms: Readonly<Record<string, F>>,
  call: (form: F) => Case["rungs"][string],
): Case["rungs"] {
  return Object.fromEntries(Object.entries(forms).map(([name, form]) => [name, call(form)]));
}
