import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { inverseRealFft, multiplySpectra, realFft } from "workbook/fft";
import { count } from "workbook/measure/count";
import { random } from "workbook/random";
import { onEveryBackend } from "./backends.js";

const rounding = { tolerance: 1e-5, because: "float32 sums of at most 130 normal numbers, in log n rounds" };

/** Real and imaginary parts of Σ_s x_s exp(−2πi ks/n), k = 0 … n/2, in float64: `[2, R, n/2 + 1]`. */
function spectrum(x: tf.Tensor2D, n: number) {
  const rows = x.arraySync();
  const part = (wave: (phase: number) => number) =>
    rows.flatMap((row) =>
      Array.from({ length: n / 2 + 1 }, (_, k) =>
        row.reduce((sum, entry, s) => sum + entry * wave((-2 * Math.PI * ((k * s) % n)) / n), 0),
      ),
    );
  return { shape: [2, rows.length, n / 2 + 1], data: [...part(Math.cos), ...part(Math.sin)] };
}

const parts = (X: tf.Tensor) => tf.stack([tf.real(X), tf.imag(X)]);

onEveryBackend("fft", (backend) => {
  for (const [T, n] of [
    [1, 2],
    [3, 4],
    [5, 16],
    [63, 126],
    [65, 256],
  ] as const) {
    it(`the spectrum of ${T} numbers at length ${n} equals the float64 sums, and leads back to them and zeros`, () => {
      const x = random(T).normalTensor<tf.Rank.R2>([3, T]);
      const X = realFft(x, n);
      assertClose(parts(X), spectrum(x, n), rounding);
      assertClose(inverseRealFft(X), tf.pad(x, [[0, 0], [0, n - T]]), rounding); // biome-ignore format: one pad
    });
  }

  it("spectra multiply number by number, also where one set serves a whole batch", () => {
    const [x, y] = [random(1).normalTensor<tf.Rank.R2>([4, 8]), random(2).normalTensor<tf.Rank.R2>([2, 8])];
    const [X, Y] = [tf.reshape(realFft(x, 8), [2, 2, 5]), realFft(y, 8)];
    const [a, b] = [parts(X).dataSync(), parts(Y).dataSync()];
    const data = Array.from({ length: 40 }, (_, i) => {
      const [at, of] = [i % 20, i % 10];
      const [re, im, c, d] = [a[at]!, a[20 + at]!, b[of]!, b[10 + of]!];
      return i < 20 ? re * c - im * d : re * d + im * c;
    });
    assertClose(parts(multiplySpectra(X, Y)), { shape: [2, 2, 2, 5], data }, rounding);
  });

  it("leaves exactly its output", () => {
    const x = tf.ones<tf.Rank.R2>([2, 8]);
    const before = tf.memory().numTensors;
    const X = realFft(x, 16);
    const back = inverseRealFft(X);
    tf.dispose([X, back]);
    expect(tf.memory().numTensors).to.equal(before);
  });

  if (backend === "tensorflow") {
    it("a real transform counts as half a complex one", async () => {
      const x = tf.ones<tf.Rank.R2>([3, 64]);
      const { kernels, uncounted } = await count(() => realFft(x, 128));
      expect(uncounted).to.deep.equal([]);
      expect(kernels.find(({ name }) => name === "RFFT")!.flops).to.equal(3 * 2.5 * 128 * 7);
      const back = await count(() => inverseRealFft(realFft(x, 128)));
      expect(back.kernels.find(({ name }) => name === "IRFFT")!.flops).to.equal(3 * 2.5 * 128 * 7);
    });
  }

  it("says which length does not fit", () => {
    const x = tf.ones<tf.Rank.R2>([1, 5]);
    for (const n of [4, 7]) {
      expect(() => realFft(x, n)).to.throw(`realFft: expected an even length of 5 or more, got ${n}`);
    }
    expect(() => inverseRealFft(tf.ones([1, 1]))).to.throw(
      "inverseRealFft: expected a spectrum of two or more frequencies, got [1, 1]",
    );
  });
});
