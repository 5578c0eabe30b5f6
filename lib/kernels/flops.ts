/**
 * Floating-point operations of the kernels in fused.ts, by name: those of the mathematics, whatever a rung does besides.
 *
 * A multiply-add is two, and any function one (lib/measure/flops.ts, which takes this table). Attention counts the pairs that `causal`,
 * `radius` and lengths leave: what a mask or a table of blocks holds are numbers that no formula sees, so all its pairs count.
 * Weights that a gradient computes again are not counted again.
 */

import type { FlopFormula, KernelCall } from "../measure/flops.js";
import {
  ATTENTION,
  BLOCK_SPARSE,
  DECODE,
  DELTA_RULE,
  keyGradientOf,
  LINEAR_ATTENTION,
  LONG_CONVOLUTION,
  PACKED,
  queryGradientOf,
  SELECTIVE_SCAN,
  WKV,
} from "./fused.js";

const of = (call: KernelCall, name: string) => call.inputs[name]!.shape;
const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

/** How many pairs (query, key) of one head see each other: query t stands at t + S − T. */
function pairs(T: number, S: number, before: number, after: number): number {
  let sum = 0;
  for (let t = S - T; t < S; t++) {
    sum += Math.max(0, Math.min(S - 1, t + after) - Math.max(0, t - before) + 1);
  }
  return sum;
}

/** Pairs of all heads of all batch elements. */
const pairsOf: Readonly<Record<string, (call: KernelCall) => number>> = {
  [ATTENTION]: (call) => {
    const [[B, H, T], S] = [of(call, "q") as [number, number, number], of(call, "k")[2]!];
    const { causal, radius = Number.POSITIVE_INFINITY } = call.attrs as { causal?: boolean; radius?: number };
    return B * H * pairs(T, S, radius, causal === true ? 0 : radius);
  },
  [BLOCK_SPARSE]: (call) => {
    const [[B, H, T], S] = [of(call, "q") as [number, number, number], of(call, "k")[2]!];
    const everything = Number.POSITIVE_INFINITY;
    return B * H * pairs(T, S, everything, call.attrs.causal === true ? 0 : everything);
  },
  [PACKED]: (call) => {
    const { lengths, causal } = call.attrs as { lengths: readonly number[]; causal?: boolean };
    const inside = lengths.map((n) => (causal === true ? (n * (n + 1)) / 2 : n * n));
    return of(call, "q")[1]! * inside.reduce((a, b) => a + b, 0);
  },
  // Each query sees all but as many keys as there are queries after it.
  [DECODE]: (call) => {
    const [, H, T] = of(call, "q") as [number, number, number];
    const lengths = call.attrs.lengths as readonly number[];
    return H * lengths.reduce((sum, S) => sum + pairs(T, S, Number.POSITIVE_INFINITY, 0), 0);
  },
};

/** q · scale; per pair two products, bias, and the softmax's maximum, difference, exponential, sum and division. */
const forward = (name: string): FlopFormula => {
  return (call) => {
    const [D, E] = [of(call, "q").at(-1)!, of(call, "v").at(-1)!];
    const perPair = 2 * D + 2 * E + 5 + Number(call.attrs.biased === true);
    return size(of(call, "q")) + pairsOf[name]!(call) * perPair;
  };
};

/** dP = dO Vᵀ, dS = P ∘ (dP − δ), dQ = dS K · scale. */
const queryGradient = (name: string): FlopFormula => {
  return (call) => {
    const [D, E] = [of(call, "q").at(-1)!, of(call, "v").at(-1)!];
    return pairsOf[name]!(call) * (2 * E + 2 + 2 * D) + size(of(call, "q"));
  };
};

/** δ = rowsum(dO ∘ O) − dlse, dV = Pᵀ dO, dK = dSᵀ Q · scale. */
const keyGradient = (name: string): FlopFormula => {
  return (call) => {
    const [D, E] = [of(call, "q").at(-1)!, of(call, "v").at(-1)!];
    const delta = 2 * size(of(call, "dOut")) + size(of(call, "lse"));
    return delta + pairsOf[name]!(call) * (2 * E + 2 * D) + size(of(call, "k"));
  };
};

const families = [ATTENTION, BLOCK_SPARSE, PACKED];

/** By kernel name. */
export const fusedFlops: Readonly<Record<string, FlopFormula>> = {
  ...Object.fromEntries(families.map((name) => [name, forward(name)])),
  ...Object.fromEntries(families.map((name) => [queryGradientOf(name), queryGradient(name)])),
  ...Object.fromEntries(families.map((name) => [keyGradientOf(name), keyGradient(name)])),
  [DECODE]: forward(DECODE),
  // S fades (1), takes k vᵀ (2) and is read (2); a decay is exponentiated once for each number that it has.
  [LINEAR_ATTENTION]: (call) => 5 * size(of(call, "q")) * of(call, "v").at(-1)! + size(of(call, "logDecay")),
  // Sᵀ k, S + k uᵀ and Sᵀ q, two each; u = β (v − Sᵀ k).
  [DELTA_RULE]: (call) => 6 * size(of(call, "q")) * of(call, "v").at(-1)! + 2 * size(of(call, "v")),
  // A state's ΔA, e^ΔA, · h, (Δ x) B, +, · C and +; zero-order hold takes expm1(ΔA) / A in place of Δ, which is two more.
  [SELECTIVE_SCAN]: (call) => {
    const [tokens, N] = [size(of(call, "x")), of(call, "A")[1]!];
    return call.attrs.zeroOrder === true ? tokens * 10 * N : tokens * (7 * N + 1);
  },
  // The recurrence in variants/rwkv.ts, 25 for each number of k; and the logarithm of a row's sum, m + ln b.
  [WKV]: (call) => 27 * size(of(call, "k")),
  // By transforms, three of n ≥ 2T − 1 real numbers, of which the filters' serve the whole batch; n/2 + 1 complex products; the bias.
  [LONG_CONVOLUTION]: (call) => {
    const [B, C, T] = of(call, "u") as [number, number, number];
    const n = Math.max(2, 2 ** Math.ceil(Math.log2(2 * T - 1)));
    return 2.5 * n * Math.log2(n) * C * (2 * B + 1) + 6 * B * C * (n / 2 + 1) + 2 * B * C * T;
  },
};
