// Causal convolution by Fourier transforms, rung 2 for long rows, second kernel: the rows of the matrix that columns.wgsl left.
// Measured as in direct.wgsl: 75 ms at T = 4096, 270 ms at 16,384.
//
// For weights the transform is then complete, in an order of its own. For inputs, the same kernel multiplies them by the weights
// in that order, goes back along the row and turns the points back; what it writes is conjugate.

override convolves: bool;

struct Sizes { C: u32, step: u32 } // step: C where spectra have batches, otherwise 0

@group(0) @binding(0) var<storage, read> turned: array<vec2f>; // [B, C, rows, length]
@group(0) @binding(1) var<storage, read> spectra: array<vec2f>; // [C, rows, length] or [B, C, rows, length]
@group(0) @binding(2) var<storage, read> roots: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> out: array<vec2f>; // [B, C, rows, length]
@group(0) @binding(4) var<uniform> n: Sizes;

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let q = group.x;
  let row = ((group.z * n.C + group.y) * groups.x + q) * length;
  let spectrum = ((group.z * n.step + group.y) * groups.x + q) * length;
  for (var k = lane; k < length; k += threads) { points[k] = turned[row + k]; }
  var base = transform(lane, 0);
  if (!convolves) {
    for (var k = lane; k < length; k += threads) { out[row + k] = points[base + k]; }
    return;
  }
  for (var k = lane; k < length; k += threads) {
    points[base + k] = conjugate(product(points[base + k], spectra[spectrum + k]));
  }
  base = transform(lane, base);
  for (var k = lane; k < length; k += threads) { out[row + k] = product(points[base + k], root(4 * q * k)); }
}
