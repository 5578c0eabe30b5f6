// Rung `chunked`, third of three kernels, and most of its gradient: what positions read, from the state before their chunk and
// from the chunk's other positions. A workgroup has the 32 rows of a chunk, and goes over y's columns 32 at a time.
//
//   y_t = S r_t + Σ_s (r_t · m_s) w_s          over s ≤ t, or s ≥ t (`later`), without s = t (`exclusive`)
//
// The scores r_t · m_s are computed once for all columns and stay in workgroup memory; no T × T matrix.

override I: u32;
override scores: bool; // false: y_t = S r_t alone, and m and w are not read
override later: bool;
override exclusive: bool;
override states: bool; // false: no S, and `state` is not read
override transposed: bool; // S is stored as [I, J]; or else as [J, I]

struct Sizes { T: u32, J: u32 }

@group(0) @binding(0) var<storage, read> r: array<f32>; // [N, T, I]
@group(0) @binding(1) var<storage, read> m: array<f32>; // [N, T, I]
@group(0) @binding(2) var<storage, read> w: array<f32>; // [N, T, J]
@group(0) @binding(3) var<storage, read> state: array<f32>; // [N, chunks, I, J] or [N, chunks, J, I]
@group(0) @binding(4) var<storage, read_write> y: array<f32>; // [N, T, J]
@group(0) @binding(5) var<uniform> n: Sizes;

const CHUNK = 32u;
const TILE = 32u;
const WIDTH = 33u; // one more than a row has: the same column of all rows then lies in different banks

var<workgroup> left: array<f32, CHUNK * WIDTH>; // r of the chunk, 32 of its columns
var<workgroup> right: array<f32, CHUNK * WIDTH>; // m; a tile of S; w
var<workgroup> seen: array<f32, CHUNK * WIDTH>; // the scores that count

/// The chunk's rows of a matrix with `columns` columns, 32 of these from `c0` on; zeros behind both ends.
fn fill(
  tile: ptr<workgroup, array<f32, CHUNK * WIDTH>>, matrix: ptr<storage, array<f32>>,
  first: u32, size: u32, c0: u32, columns: u32, index: u32,
) {
  for (var at = index; at < CHUNK * TILE; at += 64) {
    let row = at / TILE;
    let column = c0 + at % TILE;
    var value = 0.0;
    if (row < size && column < columns) { value = matrix[(first + row) * columns + column]; }
    tile[row * WIDTH + at % TILE] = value;
  }
}

/// A tile of S from (i0, j0) on, [i, j]; read along rows of memory whichever way it lies there.
fn fillState(block: u32, i0: u32, j0: u32, index: u32) {
  for (var at = index; at < TILE * TILE; at += 64) {
    let slow = at / TILE;
    let fast = at % TILE;
    let i = select(slow, fast, transposed);
    let j = select(fast, slow, transposed);
    var value = 0.0;
    if (i0 + i < I && j0 + j < n.J) {
      value = state[block * I * n.J + select((i0 + i) * n.J + j0 + j, (j0 + j) * I + i0 + i, transposed)];
    }
    right[i * WIDTH + j] = value;
  }
}

/// The tiles' product `one` · `right` at rows y + 8 a and columns x + 8 b, added to `sums`.
fn multiply(
  sums: ptr<function, array<f32, 16>>, one: ptr<workgroup, array<f32, CHUNK * WIDTH>>, index: u32,
) {
  for (var i = 0u; i < TILE; i++) {
    for (var a = 0u; a < 4; a++) {
      let value = one[(index / 8 + 8 * a) * WIDTH + i];
      for (var b = 0u; b < 4; b++) { sums[4 * a + b] += value * right[i * WIDTH + index % 8 + 8 * b]; }
    }
  }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let first = group.y * n.T + group.x * CHUNK;
  let size = min(CHUNK, n.T - group.x * CHUNK);
  if (scores) {
    var products = array<f32, 16>();
    for (var i0 = 0u; i0 < I; i0 += TILE) {
      fill(&left, &r, first, size, i0, I, index);
      fill(&right, &m, first, size, i0, I, index);
      workgroupBarrier();
      for (var i = 0u; i < TILE; i++) {
        for (var a = 0u; a < 4; a++) {
          let value = left[(index / 8 + 8 * a) * WIDTH + i];
          for (var b = 0u; b < 4; b++) { products[4 * a + b] += value * right[(index % 8 + 8 * b) * WIDTH + i]; }
        }
      }
      workgroupBarrier();
    }
    for (var a = 0u; a < 4; a++) {
      for (var b = 0u; b < 4; b++) {
        let t = index / 8 + 8 * a;
        let s = index % 8 + 8 * b;
        let counts = select(s <= t, s >= t, later) && !(exclusive && s == t);
        seen[t * WIDTH + s] = select(0.0, products[4 * a + b], counts);
      }
    }
  }
  for (var j0 = 0u; j0 < n.J; j0 += TILE) {
    var sums = array<f32, 16>();
    if (scores) {
      fill(&right, &w, first, size, j0, n.J, index);
      workgroupBarrier();
      multiply(&sums, &seen, index);
      workgroupBarrier();
    }
    if (states) {
      for (var i0 = 0u; i0 < I; i0 += TILE) {
        fill(&left, &r, first, size, i0, I, index);
        fillState(group.y * groups.x + group.x, i0, j0, index);
        workgroupBarrier();
        multiply(&sums, &left, index);
        workgroupBarrier();
      }
    }
    for (var a = 0u; a < 4; a++) {
      for (var b = 0u; b < 4; b++) {
        let t = index / 8 + 8 * a;
        let j = j0 + index % 8 + 8 * b;
        if (t < size && j < n.J) { y[(first + t) * n.J + j] = sums[4 * a + b]; }
      }
    }
  }
}
