// What the chunked kernels share: 64 × 64 sums of products, by 128 invocations.
//
// Both operands come in slabs of 16 along the axis that is summed over, four rows or columns to a vector. Invocation (y, x) has the
// sums of rows 4 y … 4 y + 3, of the same 32 farther down, and of columns 4 x … 4 x + 3: three vectors read from workgroup memory
// meet in 32 multiply-adds, of which the 16 lanes of a row share two. 9 KB of workgroup memory, four barriers for 64 × 64 × 32 products.
//
// An operand whose rows are the sum's lies crosswise: an invocation reads 4 × 4 numbers, four rows of it, and turns them. The order
// within a slab is then that of `slot`: with it and the pitch, eight invocations that write at once hit eight different banks.

override reverse: bool; // the scan runs from the last position to the first
override byRow: bool; // each row i of the state has decays of its own
override byColumn: bool; // each column j has; neither: one decay for the whole state (C = 1)

struct Sizes { N: u32, T: u32, I: u32, J: u32, C: u32 }

const CHUNK = 64u;
const SLAB = 16u;
const PITCH = 18u;
const THREADS = 128u;

var<workgroup> left: array<Held, SLAB * PITCH>; // [slab][four rows]
var<workgroup> right: array<Held, SLAB * PITCH>; // [slab][four columns]

struct Sums { upper: mat4x4f, lower: mat4x4f } // a column of WGSL's for each row

/// Where number `within` of the `quad`-th four of a slab lies.
fn slot(quad: u32, within: u32) -> u32 { return within * 4 + quad; }

fn outer(a: vec4f, x: vec4f) -> mat4x4f { return mat4x4f(a.x * x, a.y * x, a.z * x, a.w * x); }

/// Adds the products of a slab; those of rows 0 … 31 only where asked.
fn multiply(sums: ptr<function, Sums>, y: u32, x: u32, upper: bool) {
  for (var k = 0u; k < SLAB; k++) {
    let column = vec4f(right[k * PITCH + x]);
    if (upper) { (*sums).upper += outer(vec4f(left[k * PITCH + y]), column); }
    (*sums).lower += outer(vec4f(left[k * PITCH + y + 8]), column);
  }
}

/// The position that comes at this place of the scan.
fn position(step: u32) -> u32 { return select(step, n.T - 1 - step, reverse); }

/// Log decays of four channels, from the start of the chunk to this place of the scan; all the same where there is one.
fn summed(head: u32, step: u32, channel: u32) -> vec4f {
  if (!byRow && !byColumn) { return vec4f(b[head * n.T + step]); }
  let at = (head * n.T + step) * n.C + channel;
  return vec4f(b[at], b[at + 1], b[at + 2], b[at + 3]);
}
