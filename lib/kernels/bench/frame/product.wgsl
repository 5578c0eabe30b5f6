// The most operations that a kernel can do in float32: a matrix product, 128 × 128 numbers per workgroup, 8 × 8 per invocation.
//
// Slabs of 8 columns of A and 8 rows of B go through workgroup memory; an invocation keeps its 64 sums in registers (four
// mat4x4f, never indexed by a variable) and does 64 multiply-adds for 16 numbers that it reads.
//
// a, b, c [n, n], n a multiple of 128. c = a b

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(3) var<uniform> n: vec4u;

const TILE = 128u;
const SLAB = 8u;

var<workgroup> left: array<f32, SLAB * TILE>; // transposed: [SLAB, TILE]
var<workgroup> right: array<vec4f, SLAB * TILE / 4>; // [SLAB, TILE]

fn outer(x: vec4f, y: vec4f) -> mat4x4f { return mat4x4f(x.x * y, x.y * y, x.z * y, x.w * y); }

fn rows(k: u32, row: u32) -> vec4f {
  let at = k * TILE + row;
  return vec4f(left[at], left[at + 1], left[at + 2], left[at + 3]);
}

fn put(row: u32, column: u32, sums: mat4x4f) {
  let stride = n.x / 4;
  let at = row * stride + column / 4;
  if (row + 3 >= n.x || column + 3 >= n.x) { return; }
  c[at] = sums[0];
  c[at + stride] = sums[1];
  c[at + 2 * stride] = sums[2];
  c[at + 3 * stride] = sums[3];
}

@compute @workgroup_size(16, 16)
fn main(
  @builtin(workgroup_id) tile: vec3u,
  @builtin(local_invocation_id) id: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let stride = n.x / 4;
  let row = tile.y * TILE;
  let column = tile.x * TILE;
  // Rows id.y · 4 and 64 farther, columns id.x · 4 and 64 farther: neighbours read neighbouring words.
  let y = id.y * 4;
  let x = id.x;
  var s00 = mat4x4f();
  var s01 = mat4x4f();
  var s10 = mat4x4f();
  var s11 = mat4x4f();
  for (var k = 0u; k < n.x; k += SLAB) {
    let next = a[(row + index / 2) * stride + k / 4 + index % 2];
    let into = (index % 2) * 4 * TILE + index / 2;
    left[into] = next.x;
    left[into + TILE] = next.y;
    left[into + 2 * TILE] = next.z;
    left[into + 3 * TILE] = next.w;
    right[index] = b[(k + index / 32) * stride + column / 4 + index % 32];
    workgroupBarrier();
    for (var i = 0u; i < SLAB; i++) {
      let up = rows(i, y);
      let down = rows(i, y + 64);
      let near = right[i * 32 + x];
      let far = right[i * 32 + x + 16];
      s00 += outer(up, near);
      s01 += outer(up, far);
      s10 += outer(down, near);
      s11 += outer(down, far);
    }
    workgroupBarrier();
  }
  put(row + y, column + 4 * x, s00);
  put(row + y, column + 4 * x + 64, s01);
  put(row + y + 64, column + 4 * x, s10);
  put(row + y + 64, column + 4 * x + 64, s11);
}
