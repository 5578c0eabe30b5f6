// Causal convolution by Fourier transforms, rung 2 for long rows, third kernel: back along the columns, weights taken off.

override width: u32;
override reversed: bool; // reads u and writes y from the end

struct Sizes { T: u32, C: u32 }

@group(0) @binding(0) var<storage, read> products: array<vec2f>; // [B, C, length, width], conjugate
@group(0) @binding(1) var<storage, read> u: array<f32>; // [B, C, T]
@group(0) @binding(2) var<storage, read> bias: array<f32>; // [C]
@group(0) @binding(3) var<storage, read> roots: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>; // [B, C, T]
@group(0) @binding(5) var<uniform> n: Sizes;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.z * n.C + group.y;
  let first = group.x * columns;
  for (var i = lane; i < length * columns; i += threads) {
    points[i] = products[(row * length + i / columns) * width + first + i % columns];
  }
  let base = transform(lane, 0);
  for (var i = lane; i < length * columns; i += threads) {
    let t = i / columns * width + first + i % columns;
    if (t < n.T) {
      let at = row * n.T + select(t, n.T - 1 - t, reversed);
      y[at] = product(points[base + i], roots[t]).x / f32(length * width) + bias[group.y] * u[at];
    }
  }
}
