// Rung `chunked`, what its two walks over chunks share: 16 columns of a state [D, E] in workgroup memory, and its products with the
// 32 rows of a chunk. Prefixed to them. An invocation has 2 rows of 4 numbers: one vec4f and two scalars are read for 8 multiply-adds.

override D: u32;

struct Sizes { T: u32, E: u32 }

const CHUNK = 32u;
const TILE = 32u;
const WIDTH = 33u; // one more than a row has: the same column of all rows then lies in different banks
const QUADS = 4u; // 16 columns

var<workgroup> state: array<vec4f, (D + 31) / 32 * 32 * QUADS>;
var<workgroup> tile: array<f32, CHUNK * WIDTH>; // the chunk's rows of a matrix [T, D], 32 of its columns
var<workgroup> rows: array<vec4f, CHUNK * QUADS>; // the chunk's rows of a matrix [T, E]

/// 32 columns of the chunk's rows from `d0` on; zeros behind their end.
fn fillTile(matrix: ptr<storage, array<f32>>, first: u32, size: u32, d0: u32, index: u32) {
  for (var at = index; at < CHUNK * TILE; at += 64) {
    let row = at / TILE;
    let d = d0 + at % TILE;
    var value = 0.0;
    if (row < size && d < D) { value = matrix[(first + row) * D + d]; }
    tile[row * WIDTH + at % TILE] = value;
  }
}

/// The tile times the state's rows from `d0` on: rows index / 4 and index / 4 + 16 of the chunk, columns of quad index % 4.
fn readState(d0: u32, index: u32) -> array<vec4f, 2> {
  var sums = array<vec4f, 2>();
  for (var d = 0u; d < TILE; d++) {
    let value = state[(d0 + d) * QUADS + index % QUADS];
    sums[0] += tile[index / QUADS * WIDTH + d] * value;
    sums[1] += tile[(index / QUADS + 16) * WIDTH + d] * value;
  }
  return sums;
}

/// state ← state + sign · tileᵀ rows, at the state's rows from `d0` on.
fn addToState(d0: u32, sign: f32, index: u32) {
  var sums = array<vec4f, 2>();
  for (var row = 0u; row < CHUNK; row++) {
    let value = rows[row * QUADS + index % QUADS];
    sums[0] += tile[row * WIDTH + index / QUADS] * value;
    sums[1] += tile[row * WIDTH + index / QUADS + 16] * value;
  }
  let at = d0 * QUADS + index;
  state[at] += sign * sums[0];
  state[at + 16 * QUADS] += sign * sums[1];
}
