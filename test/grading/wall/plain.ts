/** Arbitrary plain values, as they cross the wall. */

import fc from "fast-check";
import { Odd, type Plain, PlainTensor } from "workbook/grading/values";

const shape = fc.array(fc.nat({ max: 3 }), { maxLength: 4 });

const tensor = shape.chain((sizes) => {
  const length = sizes.reduce((product, size) => product * size, 1);
  const exactly = { minLength: length, maxLength: length };
  return fc.oneof(
    fc.float32Array(exactly).map((data) => new PlainTensor(sizes, "float32", data)),
    fc.int32Array(exactly).map((data) => new PlainTensor(sizes, "int32", data)),
    fc.uint8Array({ ...exactly, max: 1 }).map((data) => new PlainTensor(sizes, "bool", data)),
  );
});

const leaf: fc.Arbitrary<Plain> = fc.oneof(
  fc.constantFrom(undefined, null, true, false),
  fc.double(),
  // Any UTF-16, halves of surrogate pairs among them.
  fc.array(fc.nat({ max: 0xffff })).map((units) => String.fromCharCode(...units)),
  fc.string().map((what) => new Odd(what)),
  tensor,
);

const key = fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "toString", "then"));

/** Values of at most four levels. */
export const plain: fc.Arbitrary<Plain> = fc.letrec<{ value: Plain }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
})).value;
