/** Hyena's long convolution: tfjs's operations as a product with a Toeplitz matrix, then directly and by Fourier transforms. */

import * as tf from "@tensorflow/tfjs";
import { random } from "../../random.js";
import { longConvolutionDirect } from "../../variants/hyena.js";
import { LONG_CONVOLUTION, runKernel } from "../fused.js";
import type { Benchmark, Case } from "./frame/benchmark.js";

export const benchmark: Benchmark = ({ software }) => {
  // The composition stores C·T² numbers: of 768 channels it has no chance.
  const sizes = software
    ? [[1024, 8]]
    : [
        [1024, 64],
        [4096, 16],
        [4096, 768],
      ];
  return sizes.map(([T, C]) => convolution(T!, C!));
};

/** Counted as the transforms that a convolution needs: three of 2T real numbers, 5 n log₂ n / 2 operations each. */
function convolution(T: number, C: number): Case {
  return {
    label: `long convolution, C = ${C}, T = ${T}`,
    flops: 3 * 2.5 * C * 2 * T * Math.log2(2 * T),
    bytes: 4 * (3 * C * T + C),
    torch: { problem: "long convolution" },
    inputs: () => {
      const r = random(T);
      return [r.normalTensor([1, C, T]), r.normalTensor([C, T], T ** -0.5), r.normalTensor([C])];
    },
    rungs: {
      composed: ([u, h, bias]) =>
        longConvolutionDirect({ u, h, bias } as Parameters<typeof longConvolutionDirect>[0]),
      direct: fused("direct"),
      fourier: fused("fourier"),
    },
    rounding: { tolerance: 1e-3, because: "float32 sums of T products, in another order" },
  };
}

function fused(rung: "direct" | "fourier"): Case["rungs"][string] {
  return ([u, h, bias]) =>
    tf.tidy(() => runKernel(LONG_CONVOLUTION, { u: u!, h: h!, bias: bias! }, { rung })[0]!);
}
