/** Values that should hurt the judge: getters, proxies, cycles, promises, and far too much of everything. */

import type { Attack } from "./attack.js";

export const valueAttacks: readonly Attack[] = [
  {
    name: "an object whose getter is right the second time it is read",
    code: "let reads = 0; exports.square = (n) => ({ get valueOf() { return () => (reads++ ? n * n : 0); } });",
    points: { square: 0 },
  },
  {
    name: "a getter that throws",
    code: 'exports.square = () => ({ get x() { throw new Error("no"); } });',
    points: { square: 0 },
    messages: { square: /^square threw Error: no/ },
  },
  {
    name: "a proxy that pretends to be a number",
    code: "exports.square = (n) => new Proxy({}, { get: (_, key) => (key === Symbol.toPrimitive ? () => n * n : undefined) });",
    points: { square: 0 },
  },
  {
    name: "a proxy that is endless",
    code: 'exports.square = () => { const deep = new Proxy({}, { ownKeys: () => ["a"], getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }), get: (_, key) => (key === "then" ? undefined : deep) }); return deep; };',
    points: { square: 0 },
  },
  {
    name: "an object that holds itself",
    code: "exports.square = () => { const me = {}; me.me = me; return me; };",
    points: { square: 0 },
    messages: { square: /^square returned an object with me; expected a number/ },
  },
  {
    name: "a tensor with NaN everywhere, which no comparison is above",
    code: "exports.double = (x) => tf.mul(x, NaN);",
    points: { double: 0 },
    messages: { double: /with NaN at \[0\]; expected no NaN$/ },
  },
  {
    name: "infinities",
    code: "exports.double = (x) => tf.fill(x.shape, Infinity); exports.square = () => Infinity;",
    points: { double: 0, square: 0 },
  },
  {
    name: "a tensor that lies about its shape",
    code: "exports.double = (x) => Object.assign(tf.mul(x, 2), { shape: [1e9, 1e9] });",
    points: { double: 0 },
    messages: { double: /^double sent its judge a value that is cut off/ },
  },
  {
    name: "a tensor that lies about its type",
    code: 'exports.double = (x) => Object.assign(tf.mul(x, 2), { dtype: "bool" });',
    points: { double: 0 },
  },
  {
    name: "a tensor whose numbers are chosen when they are read",
    code: "exports.double = (x) => Object.assign(tf.clone(x), { dataSync: () => ({ slice: () => new Float32Array(0) }) });",
    points: { double: 0 },
  },
  {
    name: "a result larger than allowed",
    code: "exports.double = () => tf.zeros([2e7]);",
    points: { double: 0 },
    messages: { double: /^the result is too large/ },
  },
  {
    name: "a text of a hundred million letters",
    code: 'exports.square = () => "x".repeat(1e8);',
    points: { square: 0 },
    messages: { square: /^the result is too large/ },
  },
  {
    name: "a million keys: the message stays short",
    code: "exports.square = () => Object.fromEntries(Array.from({ length: 2e5 }, (_, i) => ['key ' + i, i]));",
    points: { square: 0 },
    messages: { square: /^square returned an object with key 0, .{1,600}$/ },
  },
  {
    name: "an array of four billion holes",
    code: "exports.square = () => new Array(2 ** 32 - 1);",
    points: { square: 0 },
    only: ["square"],
    options: { limits: { seconds: 2 } },
  },
  {
    name: "a Promise",
    code: "exports.square = async (n) => n * n;",
    points: { square: 0 },
    messages: { square: /^square returned a Promise; expected a number/ },
  },
  {
    name: "a Promise that never settles, and one that fails",
    code: "exports.square = () => new Promise(() => {}); exports.double = () => Promise.reject(new Error('late'));",
    points: { square: 0, double: 0 },
  },
  {
    name: "an object that resolves itself when it is awaited",
    code: "exports.square = (n) => ({ then: (resolve) => resolve?.(n * n) });",
    points: { square: 0 },
    messages: { square: /^square returned a Promise/ },
  },
  {
    name: "values of every other kind",
    code: "exports.square = () => 49n; exports.double = () => Symbol('x'); exports.width = new Map([[0, 64]]);",
    points: { square: 0, double: 0, width: 0 },
    messages: { square: /^square returned a bigint/, width: /^width is an object of type Map/ },
  },
  {
    name: "its argument disposed of",
    code: "exports.double = (x) => { const y = tf.mul(x, 2); x.dispose(); return y; };",
    points: { double: 0 },
    messages: { double: /^double disposed its argument 1/ },
  },
  {
    name: "its argument changed in place: the judge has its own",
    code: "exports.double = (x) => { x.dataSync().fill(0); return tf.zeros(x.shape); };",
    points: { double: 1 },
  },
];
