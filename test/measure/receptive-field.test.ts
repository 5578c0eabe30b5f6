import { expect } from "chai";
import { describe, it } from "mocha";
import { receptiveField } from "workbook/measure/receptive-field";

const pattern = (T: number, sees: (i: number, j: number) => boolean) =>
  Array.from({ length: T }, (_, i) => Array.from({ length: T }, (_, j) => sees(i, j)));
const positions = (row: readonly boolean[]) => row.flatMap((seen, j) => (seen ? [j] : []));

describe("measure/receptive-field", () => {
  it("n layers that see one step to each side see n steps", () => {
    const near = pattern(9, (i, j) => Math.abs(i - j) <= 1);
    const seen = receptiveField({ layers: [near, near, near], from: 4 });
    expect(seen.map(positions)).to.deep.equal([[4], [3, 4, 5], [2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7]]);
  });

  it("walks from the top layer down: layers in another order see other things on the way", () => {
    const back = pattern(6, (i, j) => j === Math.max(0, i - 2));
    const both = pattern(6, (i, j) => Math.abs(i - j) <= 1);
    expect(receptiveField({ layers: [both, back], from: 4 }).map(positions)).to.deep.equal([
      [4],
      [2],
      [1, 2, 3],
    ]);
    expect(receptiveField({ layers: [back, both], from: 4 }).map(positions)).to.deep.equal([
      [4],
      [3, 4, 5],
      [1, 2, 3],
    ]);
  });

  it("takes the numbers that a mask tensor hands out, and asymmetric patterns", () => {
    const causal = pattern(3, (i, j) => j <= i).map((row) => row.map(Number));
    expect(receptiveField({ layers: [causal], from: 1 })[1]).to.deep.equal([true, true, false]);
  });

  it("refuses patterns of different sizes and positions outside", () => {
    const [small, large] = [pattern(2, () => true), pattern(3, () => true)];
    expect(() => receptiveField({ layers: [small, large], from: 0 })).to.throw(
      "receptiveField: expected patterns of one size T × T, got 2 × 2, 3 × 3",
    );
    expect(() => receptiveField({ layers: [small], from: 2 })).to.throw(
      "receptiveField: expected a position in 0 … 1, got 2",
    );
  });
});
