/**
 * Handwritten digits: `import { mnist } from "workbook/datasets/mnist"`.
 *
 * README.md beside this file has the source, the licence and the checksums.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { random } from "../../lib/random.js";
import { ensure } from "../../lib/shapes.js";

/** Side of an image, in pixels. */
export const side = 28;

/** Every digit's first examples are for testing, whatever the seed, so that no run ever trains on them. */
const testPerDigit = 150;
/** What is left of the rarest digit, 5, of which there are 863. */
const trainPerDigit = 713;

export interface MnistOptions {
  /** Examples to train on, the digits as evenly as the number allows. */
  readonly train: number;
  /** Examples to test on, likewise. */
  readonly test: number;
  /** Which digits; all ten unless given. Only theirs are read. */
  readonly digits?: readonly number[];
  /** Picks and orders the examples. */
  readonly seed: string | number;
}

/** A type rather than an interface, so that `tf.dispose` takes it. */
export type Examples = {
  /** `[N, 28, 28]` float32, 0 for paper to 1 for ink; the caller disposes them. */
  readonly images: tf.Tensor3D;
  /** `[N]` int32, the digits. */
  readonly labels: tf.Tensor1D;
};

/**
 * Training and test examples, shuffled; the two share none. A digit's file is read once, in about 60 ms.
 *
 * @throws RangeError when there are not that many examples.
 */
export function mnist({ train, test, digits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], seed }: MnistOptions): {
  train: Examples;
  test: Examples;
} {
  ensure(
    digits.length > 0 && new Set(digits).size === digits.length && digits.every((d) => allDigits.includes(d)),
    `mnist: expected different digits from 0 to 9, got [${digits.join(", ")}]`,
  );
  const pick = (name: "train" | "test", count: number, first: number, perDigit: number) => {
    const most = perDigit * digits.length;
    ensure(
      Number.isInteger(count) && count >= 1 && count <= most,
      `mnist: expected ${name} from 1 to ${most} for ${digits.length} digits, got ${count}`,
    );
    const { shuffle } = random(`mnist ${name} ${seed}`);
    // One of each digit in turn, so that counts differ by at most one.
    const pools = digits.map(() => shuffle(Array.from({ length: perDigit }, (_, i) => first + i)));
    const chosen = Array.from({ length: count }, (_, i) => ({
      digit: digits[i % digits.length]!,
      index: pools[i % digits.length]![Math.floor(i / digits.length)]!,
    }));
    return examples(shuffle(chosen));
  };
  return {
    train: pick("train", train, testPerDigit, trainPerDigit),
    test: pick("test", test, 0, testPerDigit),
  };
}

function examples(chosen: ReadonlyArray<{ digit: number; index: number }>): Examples {
  const size = side * side;
  const pixels = new Float32Array(chosen.length * size);
  chosen.forEach(({ digit, index }, n) => {
    const bytes = digitBytes(digit).subarray(index * size, (index + 1) * size);
    bytes.forEach((byte, i) => {
      pixels[n * size + i] = byte / 255;
    });
  });
  return {
    images: tf.tensor3d(pixels, [chosen.length, side, side]),
    labels: tf.tensor1d(
      chosen.map(({ digit }) => digit),
      "int32",
    ),
  };
}

const allDigits = Array.from({ length: 10 }, (_, digit) => digit);
const require = createRequire(import.meta.url);
const read = new Map<number, Uint8Array>();

/** All images of a digit, a byte per pixel. The package has rounded bytes / 255 to thousandths, which tells bytes apart. */
function digitBytes(digit: number): Uint8Array {
  const known = read.get(digit);
  if (known !== undefined) return known;
  const file = path.join(
    path.dirname(require.resolve("mnist/package.json")),
    "src",
    "digits",
    `${digit}.json`,
  );
  const { data } = JSON.parse(readFileSync(file, "utf8")) as { data: number[] };
  const bytes = Uint8Array.from(data, (value) => Math.round(value * 255));
  read.set(digit, bytes);
  return bytes;
}
