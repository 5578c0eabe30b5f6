// Causal convolution by Fourier transforms, rung 2, for rows that fit into workgroup memory: a row is read once, transformed,
// multiplied by the spectrum of its weights, transformed back and written. O(T log T); columns.wgsl says why n = T is enough.
// Measured as in direct.wgsl: 3.8 ms at T = 256, 13 ms at 1024.
//
// The way back is a transform of the conjugate. u [B, C, T], spectra [C, n] or [B, C, n], bias [C].

override reversed: bool; // reads u and writes y from the end: a correlation, for the gradient

struct Sizes { T: u32, C: u32, step: u32 } // step: C where spectra have batches, otherwise 0

@group(0) @binding(0) var<storage, read> u: array<f32>;
@group(0) @binding(1) var<storage, read> spectra: array<vec2f>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> roots: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>; // [B, C, T]
@group(0) @binding(5) var<uniform> n: Sizes;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.z * n.C + group.y) * n.T;
  let spectrum = (group.z * n.step + group.y) * length;
  for (var t = lane; t < length; t += threads) {
    points[t] = vec2f(0);
    if (t < n.T) { points[t] = u[row + place(t)] * roots[t]; }
  }
  var base = transform(lane, 0);
  for (var f = lane; f < length; f += threads) {
    points[base + f] = conjugate(product(points[base + f], spectra[spectrum + f]));
  }
  base = transform(lane, base);
  for (var t = lane; t < n.T; t += threads) {
    let at = row + place(t);
    y[at] = product(points[base + t], roots[t]).x / f32(length) + bias[group.y] * u[at];
  }
}

fn place(t: u32) -> u32 { return select(t, n.T - 1 - t, reversed); }
