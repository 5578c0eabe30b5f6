// Causal convolution by Fourier transforms, first kernel: rows of real numbers, weighted and transformed.
//
// Position t is weighted by ω^t with ω^n = −i. Transforms of n points, multiplied, are a convolution that wraps round, and what
// wraps comes back times −i: in the imaginary part, where it does no harm. So n = T points are enough, not the 2 T of zeros
// behind the row.
//
// A row of n points is seen as a matrix of `length` × `width`, and its columns are transformed, several neighbours in a workgroup;
// then point (q, k) is turned by e^(−2πi q k / n) for the rows to be transformed (four-step FFT). width = 1: that is the whole
// transform, in one kernel.

override width: u32;
override reversed: bool;

struct Sizes { T: u32, C: u32 }

@group(0) @binding(0) var<storage, read> u: array<f32>; // [rows, T]
@group(0) @binding(1) var<storage, read> roots: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> out: array<vec2f>; // [rows, length, width]
@group(0) @binding(3) var<uniform> n: Sizes;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.z * n.C + group.y;
  let first = group.x * columns;
  for (var i = lane; i < length * columns; i += threads) {
    let t = i / columns * width + first + i % columns;
    points[i] = vec2f(0);
    if (t < n.T) { points[i] = u[row * n.T + select(t, n.T - 1 - t, reversed)] * roots[t]; }
  }
  let base = transform(lane, 0);
  for (var i = lane; i < length * columns; i += threads) {
    let q = i / columns;
    let k = first + i % columns;
    out[(row * length + q) * width + k] = product(points[base + i], root(4 * q * k));
  }
}
