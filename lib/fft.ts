/**
 * Fourier transforms of real rows: only half of a real row's spectrum is new, so only half is computed and kept.
 *
 *   X_k = Σ_s x_s e^(−2πi ks/n)  for k = 0 … n/2,   and back
 *
 * Identity (test/fft.test.ts): equals the float64 sums; back gives the row again.
 * Cost: 2.5 n log₂ n FLOPs a row, half of a complex transform's. tfjs only has complex ones, so on `tensorflow` TensorFlow's
 * own real ones are registered as kernels; elsewhere tfjs's stand in. On `cpu` these are fast for powers of two alone.
 * No gradients: who needs them writes them out, as variants/hyena.ts does.
 */

import * as tf from "@tensorflow/tfjs";
import { ensure } from "./shapes.js";

/** X `[R, n/2 + 1]`, complex, of rows `x [R, T]` with zeros behind them up to an even length n. */
export function realFft(x: tf.Tensor2D, n: number): tf.Tensor2D {
  const [, T] = x.shape;
  ensure(
    Number.isInteger(n) && n >= T && n % 2 === 0,
    `realFft: expected an even length of ${T} or more, got ${n}`,
  );
  return tf.tidy(() => {
    const padded = tf.pad(x, [
      [0, 0],
      [0, n - T],
    ]);
    return isNative() ? native("RFFT", padded, n) : (tf.spectral.rfft(padded) as tf.Tensor2D);
  });
}

/** The rows `[R, n]` that have the spectrum `X [R, n/2 + 1]`. */
export function inverseRealFft(X: tf.Tensor2D): tf.Tensor2D {
  const n = 2 * (X.shape[1] - 1);
  ensure(
    n >= 2,
    `inverseRealFft: expected a spectrum of two or more frequencies, got [${X.shape.join(", ")}]`,
  );
  return tf.tidy(() => (isNative() ? native("IRFFT", X, n) : (tf.spectral.irfft(X) as tf.Tensor2D)));
}

/** X ⊙ Y, number by number; axes that Y lacks are broadcast. */
export function multiplySpectra(X: tf.Tensor, Y: tf.Tensor): tf.Tensor {
  if (isNative()) return tf.mul(X, Y);
  // By hand, because tfjs's `cpu` gives NaN where it broadcasts complex numbers (4.22).
  return tf.tidy(() => {
    const [a, b, c, d] = [tf.real(X), tf.imag(X), tf.real(Y), tf.imag(Y)];
    return tf.complex(tf.sub(tf.mul(a, c), tf.mul(b, d)), tf.add(tf.mul(a, d), tf.mul(b, c)));
  });
}

function isNative(): boolean {
  return tf.getBackend() === "tensorflow";
}

type Transform = "RFFT" | "IRFFT";

function native(name: Transform, input: tf.Tensor2D, n: number): tf.Tensor2D {
  return tf.engine().runKernel(name, { input }, { n }) as tf.Tensor as tf.Tensor2D;
}

/** What of tfjs-node's backend runs a TensorFlow operation by its name. */
interface TensorflowBackend {
  readonly binding: Readonly<Record<"TF_ATTR_TYPE" | "TF_FLOAT" | "TF_COMPLEX64", number>>;
  executeSingleOutput(
    name: string,
    attributes: readonly { name: string; type: number; value: number }[],
    inputs: readonly tf.TensorInfo[],
  ): tf.TensorInfo;
}

for (const kernelName of ["RFFT", "IRFFT"] satisfies Transform[]) {
  tf.registerKernel({
    kernelName,
    backendName: "tensorflow",
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { binding, executeSingleOutput } = backend as unknown as TensorflowBackend;
      const attribute = (name: string, value: number) => ({ name, type: binding.TF_ATTR_TYPE, value });
      const types = [attribute("Treal", binding.TF_FLOAT), attribute("Tcomplex", binding.TF_COMPLEX64)];
      const length = tf.tensor1d([attrs!.n as number], "int32");
      try {
        return executeSingleOutput.call(backend, kernelName, types, [inputs.input as tf.TensorInfo, length]);
      } finally {
        length.dispose();
      }
    },
  });
}
