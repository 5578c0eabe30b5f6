// Loads a freshly compiled binding and multiplies two matrices with it. A process of its own: a bad one may crash.
// usage: try-binding.cjs FILE.node
const process = require("node:process");

const tf = require(process.argv[2]);
const matrix = (/** @type {number[]} */ ...values) =>
  tf.createTensor([2, 2], tf.TF_FLOAT, new Float32Array(values));
const attributes = [
  { name: "T", type: tf.TF_ATTR_TYPE, value: tf.TF_FLOAT },
  { name: "adj_x", type: tf.TF_ATTR_BOOL, value: false },
  { name: "adj_y", type: tf.TF_ATTR_BOOL, value: false },
];
const [product] = tf.executeOp("BatchMatMulV2", attributes, [matrix(1, 2, 3, 4), matrix(5, 6, 7, 8)], 1);
const got = String(tf.tensorDataSync(product.id));
if (got !== "19,22,43,50") throw new Error(`matrix product: expected 19,22,43,50, got ${got}`);
