/** Causal convolution by Fourier transforms: in one kernel where a row fits into workgroup memory, and in three where not. */

import type * as tf from "@tensorflow/tfjs";
import { launch, wgsl } from "../launch.js";
import { release } from "../tensors.js";
import type { Convolution } from "./long-convolution.js";
import { planOf } from "./plan.js";
import { rootsOf } from "./roots.js";

/** y `[B, C, T]`. @throws RangeError when T is too long: beyond 256 times the points that fit into workgroup memory. */
export function convolveByFourier({ u, h, bias, reversed }: Convolution): tf.TensorInfo {
  const [B, C, T] = u.shape as [number, number, number];
  const { n, rows, width, columns } = planOf(T);
  const [roots, step] = [rootsOf(n), h.shape.length === 3 ? C : 0];
  const batches = step === 0 ? 1 : B;
  const shape = (batches: number) => [batches, C, rows, width, 2];
  const run = (name: string, length: number, columns: number) => ({
    code: wgsl("long-convolution/fft.wgsl") + wgsl(`long-convolution/${name}.wgsl`),
    constants: { length, columns, threads: Math.min(256, (length * columns) / 4), circle: n },
  });
  const along = (name: string, more: object) => {
    const { code, constants } = run(name, rows, columns);
    return { code, constants: { ...constants, width, ...more } };
  };

  const forwards = (x: tf.TensorInfo, batches: number, reversed: boolean) =>
    launch({
      ...along("columns", { reversed }),
      inputs: [x, roots],
      outputs: [shape(batches)],
      sizes: [T, C],
      workgroups: [width / columns, C, batches],
    })[0]!;
  const spectra = forwards(h, batches, false);
  if (width === 1) {
    const { code, constants } = run("convolve", n, 1);
    const [y] = launch({
      code,
      constants: { ...constants, reversed },
      inputs: [u, spectra, bias, roots],
      outputs: [u.shape],
      sizes: [T, C, step],
      workgroups: [1, C, B],
    });
    release(spectra);
    return y!;
  }
  const acrossRows = (x: tf.TensorInfo, spectra: tf.TensorInfo, batches: number, convolves: boolean) => {
    const { code, constants } = run("rows", width, 1);
    const [out] = launch({
      code,
      constants: { ...constants, convolves },
      inputs: [x, spectra, roots],
      outputs: [shape(batches)],
      sizes: [C, step],
      workgroups: [rows, C, batches],
    });
    release(x);
    return out!;
  };
  const whole = acrossRows(spectra, spectra, batches, false);
  const products = acrossRows(forwards(u, B, reversed), whole, B, true);
  const [y] = launch({
    ...along("columns-back", { reversed }),
    inputs: [products, u, bias, roots],
    outputs: [u.shape],
    sizes: [T, C],
    workgroups: [width / columns, C, B],
  });
  release(whole, products);
  return y!;
}
