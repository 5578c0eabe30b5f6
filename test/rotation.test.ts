import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { random } from "workbook/random";
import { rotate } from "workbook/rotation";
import { onEveryBackend } from "./backends.js";

const rounding = { tolerance: 1e-5, because: "two float32 products, their factors rounded from float64" };
const angles = [1, 0.3, 0.01, 0.0001];

onEveryBackend("rotation", () => {
  const draw = (T: number) => random(T).normalTensor<tf.Rank.R4>([2, 3, T, 8]);

  it("turns pair i by n θᵢ, at any length, from any position", () => {
    for (const [T, start] of [
      [1, 0],
      [63, 5],
      [65, 0],
      [130, 100_000],
    ] as const) {
      const x = draw(T);
      const values = x.dataSync();
      const data = Array.from(values, (entry, at) => {
        const [n, d] = [Math.floor(at / 8) % T, at % 8];
        const angle = (start + n) * angles[Math.floor(d / 2)]!;
        const other = d % 2 === 0 ? -values[at + 1]! : values[at - 1]!;
        return entry * Math.cos(angle) + other * Math.sin(angle);
      });
      const expected = { shape: [2, 3, T, 8], data };
      assertClose(rotate({ x, angles, start }), expected, rounding, `T = ${T}, from ${start}`);
    }
  });

  it("keeps lengths, and turning back undoes it, also at position 100,000", () => {
    const x = draw(5);
    for (const start of [0, 100_000]) {
      const turned = rotate({ x, angles, start });
      assertClose(tf.norm(turned, 2, 3), tf.norm(x, 2, 3), rounding, "lengths");
      const back = rotate({ x: turned, angles: angles.map((theta) => -theta), start });
      assertClose(back, x, rounding, "turned back");
    }
  });

  it("a dot product depends on the difference of positions", () => {
    const [x, y] = [draw(70), tf.reverse(draw(70), 1)];
    const dots = (start: number) =>
      tf.matMul(rotate({ x, angles, start }), rotate({ x: y, angles, start }), false, true);
    assertClose(dots(12_345), dots(0), { ...rounding, tolerance: 2e-5 });
  });

  it("refuses angles that are not one for each pair, and leaves exactly its output", () => {
    expect(() => rotate({ x: draw(3), angles: [1] })).to.throw(
      RangeError,
      "rotate: expected D / 2 = 4 angles for D = 8, got 1",
    );
    const x = draw(3);
    const before = tf.memory().numTensors;
    rotate({ x, angles });
    expect(tf.memory().numTensors).to.equal(before + 1);
  });
});
