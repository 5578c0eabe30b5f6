// Rung `chunked`, what its two solvers share: a chunk's L, the strictly lower part of diag(β) K Kᵀ. Prefixed to them.

override D: u32;

struct Sizes { T: u32, E: u32 }

@group(0) @binding(0) var<storage, read> k: array<f32>; // [N, T, D]
@group(0) @binding(1) var<storage, read> beta: array<f32>; // [N, T]

const CHUNK = 32u;
const TILE = 32u;
const WIDTH = 33u; // one more than a row has: the same column of all rows then lies in different banks

var<workgroup> keys: array<f32, CHUNK * WIDTH>; // a tile of the keys' columns
var<workgroup> L: array<f32, CHUNK * WIDTH>;

/// Fills L for the `size` positions from `first` on; zeros stand where there is no position. All invocations call it, and may
/// read L after it.
fn fillTriangle(first: u32, size: u32, index: u32) {
  let x = index % 8;
  let y = index / 8;
  var products = array<f32, 16>(); // of rows y + 8 a and columns x + 8 b
  for (var d0 = 0u; d0 < D; d0 += TILE) {
    for (var at = index; at < CHUNK * TILE; at += 64) {
      let row = at / TILE;
      let d = d0 + at % TILE;
      var key = 0.0;
      if (row < size && d < D) { key = k[(first + row) * D + d]; }
      keys[row * WIDTH + at % TILE] = key;
    }
    workgroupBarrier();
    for (var d = 0u; d < TILE; d++) {
      for (var a = 0u; a < 4; a++) {
        let left = keys[(y + 8 * a) * WIDTH + d];
        for (var b = 0u; b < 4; b++) { products[4 * a + b] += left * keys[(x + 8 * b) * WIDTH + d]; }
      }
    }
    workgroupBarrier();
  }
  for (var a = 0u; a < 4; a++) {
    let row = y + 8 * a;
    var write = 0.0;
    if (row < size) { write = beta[first + row]; }
    for (var b = 0u; b < 4; b++) {
      let column = x + 8 * b;
      L[row * WIDTH + column] = select(0.0, write * products[4 * a + b], column < row);
    }
  }
  workgroupBarrier();
}
