import { expect } from "chai";
import { describe, it } from "mocha";
import { assertClose } from "workbook/assert-close";
import { fitExponent } from "workbook/measure/fit";
import { random } from "workbook/random";
import {
  blockSizes,
  flashByQueriesOnMachine,
  flashOnMachine,
  type MachineOptions,
  standardOnMachine,
} from "workbook/variants/flash-attention-io";
import { fastMemory, zeros } from "workbook/variants/flash-attention-machine";
import { referenceAttention } from "../reference/attention.js";

const forms = {
  standard: standardOnMachine,
  "Algorithm 1": flashOnMachine,
  "queries outside": flashByQueriesOnMachine,
};

function draw(N: number, d: number) {
  const r = random(`${N} ${d}`);
  const matrix = () => {
    const x = zeros(N, d);
    x.data.forEach((_, i) => {
      x.data[i] = r.normal() * (i % 97 === 0 ? 10 : 1);
    });
    return x;
  };
  return { q: matrix(), k: matrix(), v: matrix() };
}

const moved = (
  run: (options: MachineOptions) => { reads: number; writes: number },
  options: MachineOptions,
) => {
  const { reads, writes } = run(options);
  return reads + writes;
};

describe("variants/flash-attention-io", () => {
  for (const [form, run] of Object.entries(forms)) {
    it(`${form}: the machine's result is softmax attention, however little it can hold`, () => {
      for (const [N, d, sram] of [
        [1, 1, 9],
        [17, 3, 40],
        [33, 4, 100],
        [20, 5, 10_000],
      ] as const) {
        const matrices = draw(N, d);
        const numbers = { q: matrices.q.data, k: matrices.k.data, v: matrices.v.data };
        const { data } = referenceAttention({ B: 1, H: 1, G: 1, T: N, S: N, D: d, E: d, ...numbers });
        const { out } = run({ ...matrices, sram });
        const float64 = { tolerance: 1e-12, because: "float64 sums in another order" };
        assertClose({ shape: [N, d], data: out.data }, { shape: [N, d], data }, float64, `N = ${N}`);
      }
    });
  }

  it("Algorithm 1 reads each key once, and each query and the result once for each block of keys", () => {
    const [N, d, sram] = [60, 4, 300];
    const rounds = Math.ceil(N / blockSizes(sram, d).keys);
    expect(rounds).to.be.greaterThan(1);
    const { reads, writes } = flashOnMachine({ ...draw(N, d), sram });
    expect(reads).to.equal(2 * N * d + rounds * N * (2 * d + 2));
    expect(writes).to.equal(rounds * N * (d + 2));
  });

  it("with queries outside, the result is written once, and keys and values are read for each block of queries", () => {
    // A tile of 10 × 10 with d = 4 takes 4 · 40 + 100 + 20 numbers.
    const { reads, writes } = flashByQueriesOnMachine({ ...draw(60, 4), sram: 280 });
    expect([reads, writes]).to.deep.equal([60 * 4 + 6 * 2 * 60 * 4, 60 * 4]);
  });

  it("standard attention writes the table twice and reads it twice, however much memory there is", () => {
    const [N, d] = [40, 4];
    const { reads, writes } = standardOnMachine({ ...draw(N, d), sram: 1e6 });
    expect([reads, writes]).to.deep.equal([3 * N * d + 2 * N * N, N * d + 2 * N * N]);
  });

  it("FlashAttention's accesses grow like N², and like 1 / M while N d is larger than M", () => {
    const lengths = [256, 512, 1024];
    const byLength = lengths.map((N) => moved(flashOnMachine, { ...draw(N, 8), sram: 512 }));
    expect(fitExponent(lengths, byLength).exponent, "of N").to.be.closeTo(2, 0.05);
    const inputs = draw(512, 32);
    const sizes = [1024, 4096, 16_384];
    const bySize = sizes.map((sram) => moved(flashOnMachine, { ...inputs, sram }));
    // Blocks are whole, and the tile of scores takes its share.
    expect(fitExponent(sizes, bySize).exponent, "of M").to.be.closeTo(-1, 0.05);
  });

  it("a memory that cannot hold a tile is refused, and so is holding too much", () => {
    const inputs = draw(8, 4);
    for (const [run, name] of [
      [flashOnMachine, "blockSizes"],
      [flashByQueriesOnMachine, "flashByQueriesOnMachine"],
    ] as const) {
      const expected = `${name}: expected sram that holds a tile of one query and one key, got 16`;
      expect(() => run({ ...inputs, sram: 16 })).to.throw(RangeError, expected);
    }
    expect(() => standardOnMachine({ ...inputs, sram: 7 })).to.throw(
      RangeError,
      "a row of N = 8 scores, got 7",
    );
    const memory = fastMemory(10);
    const part = memory.load(inputs.q, { rows: 2 });
    expect(() => memory.room(1, 3)).to.throw(RangeError, "at most 10 numbers at once, got 11");
    memory.drop(part);
    expect(memory.accesses()).to.deep.equal({ reads: 8, writes: 0 });
  });
});
