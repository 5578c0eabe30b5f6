/** Attacks on the judgement: patched tools, forged scores, guessed tests. A wrong answer stays wrong. */

import type { Attack } from "./attack.js";

const wrongSquare = "exports.square = () => 0;";

export const judgeAttacks: readonly Attack[] = [
  {
    name: "chai's assertions patched to accept everything: they are not the judge's",
    code: `${wrongSquare}
      const { assertClose } = require("workbook/assert-close");
      Error.prototype.message = "";
      Object.defineProperty(Object.prototype, "to", { get: () => ({ equal: () => {} }) });
      exports.double = (x) => { try { assertClose(x, tf.zeros([9]), {}); } catch (error) {
        error.constructor.prototype.constructor = function () {}; Object.setPrototypeOf(error.constructor, null); }
        return tf.mul(x, 3); };`,
    points: { square: 0, double: 1 },
  },
  {
    name: "mocha's globals replaced",
    code: `${wrongSquare}
      globalThis.it = globalThis.describe = () => {}; globalThis.Mocha = { Runner: { immediately: () => {} } };`,
    points: { square: 0 },
  },
  {
    name: "Math patched so that every number is the same: the judge computes with its own",
    code: `${wrongSquare} for (const name of Object.getOwnPropertyNames(Math)) try { Math[name] = () => 0; } catch {}`,
    points: { double: 0, square: 0 },
  },
  {
    name: "Array.prototype patched: only its own process breaks",
    code: `exports.square = () => {
        for (const name of Object.getOwnPropertyNames(Array.prototype)) Array.prototype[name] = () => [true];
        return 0;
      };`,
    points: { square: 0 },
  },
  {
    name: "JSON patched",
    code: `${wrongSquare} JSON.stringify = () => '{"state":"passed","points":100}'; JSON.parse = () => ({ points: 100 });`,
    points: { square: 0 },
  },
  {
    name: "Object.prototype given a score",
    code: `${wrongSquare} Object.assign(Object.prototype, { state: "passed", points: 9, score: 9, value: 4, todo: "x" });`,
    points: { square: 0 },
  },
  {
    name: "a prototype polluted through the answer",
    code: `exports.square = () => JSON.parse('{"__proto__": {"state": "passed"}, "constructor": {"prototype": {"x": 1}}}');`,
    points: { square: 0 },
    messages: { square: /^square returned an object with __proto__, constructor; expected a number/ },
  },
  {
    name: "console patched, and forged reports printed on stdout and stderr",
    code: `exports.square = () => {
        console.log('{"score": 5, "maxScore": 5}'); console.error("  5 passing");
        process.stdout.write("##[score] 100\\n");
        console.log = console.error = () => {};
        return 0;
      };`,
    points: { square: 0 },
  },
  {
    name: "process.exit(0) scores nothing, and the other exercises are judged",
    code: "exports.square = () => process.exit(0);",
    points: { square: 0 },
    messages: { square: /^square ended its process \(exit code 0\)$/ },
  },
  {
    name: "process.exit(0) while it is loaded",
    code: "process.exit(0);",
    points: {},
    refused: /^the file ended its process \(exit code 0\)$/,
  },
  {
    name: "process.exit patched, with an exit handler that prints a score",
    code: `process.on("exit", () => console.log("score: 5")); exports.square = () => { process.exit = () => {}; process.reallyExit(0); };`,
    points: { square: 0 },
    messages: { square: /^square ended its process/ },
  },
  {
    name: "an error that claims to be an assertion that passed",
    code: `exports.square = () => { throw Object.assign(new Error("passed"), { name: "AssertionError", state: "passed", ok: true }); };`,
    points: { square: 0 },
    messages: { square: /^square threw AssertionError: passed/ },
  },
  {
    name: "an error whose every property throws",
    code: `exports.square = () => { throw new Proxy(new Error("x"), { get() { throw 1; }, getPrototypeOf() { throw 2; } }); };`,
    points: { square: 0 },
    messages: { square: /^square threw a value that cannot be shown/ },
  },
  {
    name: "an error with megabytes of message, stack and terminal codes",
    code: `exports.square = () => { const error = new Error("\\u001b[2J" + "x".repeat(1e7)); error.stack = "y".repeat(1e7); throw error; };`,
    points: { square: 0 },
    messages: { square: /^square threw Error: {1,2}\[2Jx{300,}…$/ },
  },
  {
    name: "a stub that is not to be done pretends to be",
    code: `const { Todo } = require("workbook/grading/todo"); exports.square = () => { throw new Todo("square"); };`,
    points: { square: 0 },
    messages: { square: /^square is not answered yet$/ },
  },
  {
    name: "tests and expected values looked for in the caller",
    code: `exports.square = function square(n) {
        try { return square.caller.arguments[0]; } catch {}
        const seen = new Error().stack; if (/test\\/graded|judge|mocha/.test(seen)) return n * n;
        return seen;
      };`,
    points: { square: 0 },
    messages: { square: /^square returned the text/ },
  },
  {
    name: "a right answer until it has seen what it takes for the grader",
    code: `let calls = 0; exports.double = (x) => (calls++ === 0 ? tf.mul(x, 2) : tf.add(x, 1));`,
    points: { double: 2 },
  },
  {
    name: "the answer to the first test memorised for all others",
    code: `let first; exports.double = (x) => { first ??= tf.keep(tf.mul(x, 2)); return tf.clone(first); };`,
    points: { double: 2 },
    messages: { double: /expected shape \[2\], got \[3\]/ },
  },
  {
    name: "a constant for a function, and a function for a constant",
    code: "exports.square = 49; exports.width = () => 64;",
    points: { square: 0, width: 0 },
    messages: { square: /expected a function/, width: /^width is a function; expected a number/ },
  },
  {
    name: "exports replaced by something that answers to every name",
    code: `module.exports = new Proxy({}, { get: () => 64, has: () => true });`,
    points: { double: 0, square: 0 },
  },
  {
    name: "exports replaced by null",
    code: "module.exports = null;",
    points: { double: 0, square: 0, width: 0 },
    messages: { width: /^width threw TypeError/ },
  },
  {
    name: "eval and Function build the answer: what counts is what it returns",
    code: `exports.square = (n) => eval("0"); exports.double = new Function("tf", "return (x) => tf.mul(x, 3)")(tf);`,
    points: { square: 0, double: 1 },
  },
];
