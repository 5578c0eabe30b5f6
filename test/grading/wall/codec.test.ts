import process from "node:process";
import { expect } from "chai";
import fc from "fast-check";
import { describe, it } from "mocha";
import { type Plain, PlainTensor } from "workbook/grading/values";
import { decode } from "workbook/grading/wall/decode";
import { encode } from "workbook/grading/wall/encode";
import { WireError } from "workbook/grading/wall/wire";
import { random } from "workbook/random";
import { mutated } from "./mutate.js";
import { plain } from "./plain.js";

describe("the wall's binary form", () => {
  it("gives back every plain value as it was", () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(decode(encode(value))).to.deep.equal(value);
      }),
      { numRuns: 500 },
    );
  });

  it("keeps NaN, infinities and the sign of zero, in numbers and in tensors", () => {
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0];
    const [numbers, tensor] = decode(
      encode([odd, new PlainTensor([5], "float32", Float32Array.from(odd))]),
    ) as [number[], PlainTensor];
    expect(numbers.every((value, i) => Object.is(value, odd[i]))).to.equal(true);
    expect([...tensor.data].every((value, i) => Object.is(value, odd[i]))).to.equal(true);
  });

  it("copies: neither the bytes nor the value see what is done to the other", () => {
    const original = new PlainTensor([2], "float32", new Float32Array([1, 2]));
    const bytes = encode(original);
    original.data[0] = 9;
    const copy = decode(bytes) as PlainTensor;
    expect([...copy.data]).to.deep.equal([1, 2]);
    bytes.fill(0);
    expect([...copy.data]).to.deep.equal([1, 2]);
  });

  it("a key __proto__ is a key, and changes no prototype", () => {
    const value = Object.fromEntries([["__proto__", Object.fromEntries([["polluted", true]])]]);
    const copy = decode(encode(value as Plain));
    expect(Object.keys(copy as object)).to.deep.equal(["__proto__"]);
    expect(Object.getPrototypeOf(copy)).to.equal(Object.prototype);
    expect(({} as { polluted?: unknown }).polluted).to.equal(undefined);
  });

  const malformed: [what: string, bytes: number[], message: RegExp][] = [
    ["nothing", [], /cut off/],
    ["an unknown kind", [99], /unknown kind 99/],
    ["half a number", [4, 0, 0], /cut off/],
    ["bytes after the end", [1, 1], /after the end/],
    ["a text longer than its bytes", [5, 255, 255, 255, 255], /cut off/],
    ["an array of more items than there are bytes", [6, 255, 255, 255, 255, 0], /more items than/],
    ["a record that holds a key twice", [7, 2, 0, 0, 0, ...[0, 0, 0, 0, 1], ...[0, 0, 0, 0, 1]], /twice/],
    ["a tensor of unknown type", [8, 3, 0], /unknown type/],
    ["a tensor of too many axes", [8, 0, 7], /rank 7/],
    ["a tensor with fewer numbers than its shape", [8, 0, 1, 2, 0, 0, 0, 0, 0, 128, 63], /cut off/],
    [
      "a tensor whose size overflows",
      [8, 0, 6, ...Array.from({ length: 24 }, () => 255), 0, 0, 0, 0],
      /cut off/,
    ],
    ["a truth value of 2", [8, 2, 0, 2], /neither 0 nor 1/],
    [
      "a value nested too deeply",
      Array.from({ length: 40 }, () => [6, 1, 0, 0, 0])
        .flat()
        .concat(1),
      /deeply/,
    ],
  ];
  for (const [what, bytes, message] of malformed) {
    it(`refuses ${what}`, () => {
      expect(() => decode(Uint8Array.from(bytes))).to.throw(WireError, message);
    });
  }

  it("refuses millions of small items, which would take many times their bytes", () => {
    const bytes = encode(Array.from({ length: 2_000_001 }, () => null));
    expect(() => decode(bytes)).to.throw(WireError, /more than 2000000 items/);
  });

  it("writes nothing above its limit", () => {
    expect(() => encode("x".repeat(600), 1000)).to.throw(WireError, /more than 1000 bytes/);
  });

  it("20,000 mutated encodings decode to a value or throw WireError, without much memory", () => {
    const source = random("codec");
    const samples = fc.sample(plain, { numRuns: 200, seed: 1 }).map((value) => encode(value));
    const refused = { count: 0 };
    const before = process.memoryUsage();
    for (let i = 0; i < 20_000; i++) {
      const bytes = mutated(samples[source.integer(samples.length)]!, source);
      try {
        decode(bytes);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        refused.count++;
      }
    }
    const after = process.memoryUsage();
    expect(refused.count).to.be.within(1000, 19_999);
    // One tensor that is believed without its bytes takes gigabytes.
    expect(after.arrayBuffers - before.arrayBuffers).to.be.below(256 * 2 ** 20);
  });
});
