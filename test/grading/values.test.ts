import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { describe, it } from "mocha";
import { assertKind, type Kind } from "workbook/grading/kinds";
import { describePlain, fromPlain, Odd, type Plain, PlainTensor, toPlain } from "workbook/grading/values";
import { onEveryBackend } from "../backends.js";

onEveryBackend("values that cross", () => {
  it("a tensor and its copies share no memory, out or in", () => {
    tf.tidy(() => {
      const original = tf.tensor2d([1, 2, 3, 4], [2, 2]);
      const plain = toPlain(original) as PlainTensor;
      const copy = fromPlain(plain) as tf.Tensor2D;
      plain.data[0] = 7;
      expect(original.arraySync()).to.deep.equal([
        [1, 2],
        [3, 4],
      ]);
      expect(copy.arraySync()).to.deep.equal([
        [1, 2],
        [3, 4],
      ]);
    });
  });

  it("whole numbers that were cast to float32 cross as float32", () => {
    tf.tidy(() => {
      const { data } = toPlain(tf.cast(tf.tensor1d([1, 2], "int32"), "float32")) as PlainTensor;
      expect(data).to.deep.equal(Float32Array.of(1, 2));
    });
  });

  it("float32, int32 and bool tensors, numbers, texts, arrays and records come through as they were", () => {
    tf.tidy(() => {
      for (const tensor of [
        tf.tensor1d([0.5, -1]),
        tf.tensor1d([1, 2], "int32"),
        tf.tensor1d([true, false], "bool"),
      ]) {
        const back = fromPlain(toPlain({ deep: [tensor] })) as { deep: [tf.Tensor] };
        expect(back.deep[0].dtype).to.equal(tensor.dtype);
        expect(back.deep[0].shape).to.deep.equal(tensor.shape);
        expect([...back.deep[0].dataSync()]).to.deep.equal([...tensor.dataSync()]);
      }
      const value = { n: 1, text: "a", yes: true, none: null, list: [1, [2]], missing: undefined };
      expect(fromPlain(toPlain(value))).to.deep.equal(value);
    });
  });
});

describe("toPlain", () => {
  it("says what it cannot copy", () => {
    const odd = (value: unknown) => describePlain(toPlain(value));
    expect(odd(() => 1)).to.equal("a function");
    expect(odd(Symbol("s"))).to.equal("a symbol");
    expect(odd(1n)).to.equal("a bigint");
    expect(odd(Promise.resolve(1))).to.equal("a Promise");
    expect(odd(new Map())).to.equal("an object of type Map");
    tf.tidy(() => {
      expect(odd(tf.complex([1], [1]))).to.equal("a complex64 tensor");
    });
  });
});

describe("assertKind", () => {
  const complaint = (value: Plain, kind: Kind) => {
    try {
      assertKind("f returned", value, kind);
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };

  it("accepts each kind's values", () => {
    const matrix = new PlainTensor([1, 2], "float32", new Float32Array([1, 2]));
    const accepted: [Plain, Kind][] = [
      [1, "number"],
      [Number.POSITIVE_INFINITY, "number"],
      [false, "boolean"],
      ["", "text"],
      [[1, 2], "numbers"],
      [[], "numbers"],
      [matrix, "float32 tensor [T, D]"],
      [new PlainTensor([], "bool", new Uint8Array([1])), "bool tensor []"],
      [
        { y: matrix, steps: 2 },
        { y: "float32 tensor [T, D]", steps: "number" },
      ],
    ];
    for (const [value, kind] of accepted) expect(complaint(value, kind)).to.equal("");
  });

  it("rejects everything else in one sentence", () => {
    const rejected: [Plain, Kind, string][] = [
      ["1", "number", 'f returned the text "1"; expected a number'],
      [1, "boolean", "f returned the number 1; expected true or false"],
      [null, "text", "f returned null; expected a text"],
      [[1, "2"], "numbers", "f returned an array of 2; expected an array of numbers"],
      [[1, Number.NaN], "numbers", "f returned NaN; expected an array of numbers"],
      [[1], "float32 tensor [T]", "f returned an array of 1; expected a float32 tensor [T]"],
      [new Odd("a function"), { a: "number" }, "f returned a function; expected an object with a"],
      [[1], { a: "number" }, "f returned an array of 1; expected an object with a"],
      [{ b: 1 }, { a: "number" }, "f returned a = undefined; expected a number"],
      [{ a: "x" }, { a: "number" }, 'f returned a = the text "x"; expected a number'],
      [
        { a: { b: 1 } },
        { a: { b: "int32 tensor []" } },
        "f returned a = b = the number 1; expected an int32 tensor []",
      ],
    ];
    for (const [value, kind, message] of rejected) expect(complaint(value, kind)).to.equal(message);
  });
});
