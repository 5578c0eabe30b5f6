/** Attacks on time, memory and output. Only the attacked exercise is judged where a clock must run out. */

import type { Attack } from "./attack.js";

const late = /^no result within 1 s$/;
const oneSecond = { only: ["square"], options: { limits: { seconds: 1 } }, points: { square: 0 } } as const;
const memory = {
  only: ["square"],
  options: { limits: { seconds: 60, memoryMB: 128 } },
  points: { square: 0 },
} as const;
const crashed = /^square (crashed its process|ended its process|threw RangeError)/;

export const resourceAttacks: readonly Attack[] = [
  {
    name: "an endless loop",
    code: "exports.square = () => { for (;;); };",
    ...oneSecond,
    messages: { square: late },
  },
  {
    name: "an endless loop while it is loaded",
    code: "for (;;);",
    points: {},
    options: { limits: { seconds: 1 } },
    refused: /^no result within 1 s$/,
  },
  {
    name: "an endless loop of promises: none of them ever runs",
    code: "exports.square = (n) => { const again = () => Promise.resolve().then(again); again(); return n * n; };",
    points: {},
  },
  {
    name: "timers and immediates that never stop: none of them ever runs",
    code: "exports.square = (n) => { const again = () => setImmediate(again); again(); setInterval(() => {}, 0); return n * n; };",
    points: {},
  },
  {
    name: "a regular expression without an end",
    code: `exports.square = () => /^(a+)+$/.test("a".repeat(50) + "b");`,
    ...oneSecond,
    messages: { square: late },
  },
  {
    name: "asleep",
    code: "exports.square = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);",
    ...oneSecond,
    messages: { square: late },
  },
  {
    name: "stopped by its own signal",
    code: 'exports.square = () => process.kill(process.pid, "SIGSTOP");',
    ...oneSecond,
  },
  {
    name: "killed by its own signal",
    code: 'exports.square = () => process.kill(process.pid, "SIGKILL");',
    points: { square: 0 },
    // As the first process of its namespace (where there is no bubblewrap) it cannot.
    messages: { square: /^square (crashed its process|returned true)/ },
  },
  {
    name: "abort",
    code: "exports.square = () => process.abort();",
    points: { square: 0 },
    messages: { square: /^square crashed its process, which may use 512 MB of memory$/ },
  },
  {
    name: "recursion without an end",
    code: "exports.square = (n) => exports.square(n) + 1;",
    points: { square: 0 },
    messages: { square: /^square threw RangeError: Maximum call stack/ },
  },
  {
    name: "a heap without an end",
    code: "exports.square = () => { const all = []; for (;;) all.push({ x: all.length }); };",
    ...memory,
    messages: { square: crashed },
  },
  {
    name: "typed arrays without an end",
    code: "exports.square = () => { const all = []; for (;;) all.push(new Float64Array(1e6).fill(1)); };",
    ...memory,
    messages: { square: crashed },
  },
  {
    name: "shared memory without an end",
    code: "exports.square = () => { const all = []; for (;;) all.push(new Uint8Array(new SharedArrayBuffer(8e6)).fill(1)); };",
    ...memory,
    messages: { square: crashed },
  },
  {
    name: "WebAssembly's memory without an end",
    code: "exports.square = () => { const all = []; for (;;) { const m = new WebAssembly.Memory({ initial: 100, maximum: 1000 }); m.grow(900); new Uint8Array(m.buffer).fill(1); all.push(m); } };",
    ...memory,
    messages: { square: crashed },
  },
  {
    name: "tensors without an end",
    code: "exports.square = () => { for (;;) tf.keep(tf.ones([1e6])); };",
    ...memory,
    messages: { square: crashed },
  },
  {
    name: "an endless text",
    code: 'exports.square = () => { let text = "x"; for (;;) text += text; };',
    ...memory,
    messages: { square: crashed },
  },
  {
    name: "output without an end on stdout",
    code: 'exports.square = () => { for (;;) console.log("x".repeat(1000)); };',
    points: { square: 0 },
    messages: { square: /^square printed more than 1048576 bytes$/ },
  },
  {
    name: "output without an end on stderr",
    code: 'exports.square = () => { for (;;) process.stderr.write("x".repeat(1000)); };',
    points: { square: 0 },
    messages: { square: /^square printed more than 1048576 bytes$/ },
  },
];
