// Rung `chunked`, gradient: from that of u as outputs and later chunks see it, dU, to the one that counts all later writes of the
// chunk too.
//
//   (I + L)ᵀ G = dU,   dV = diag(β) G                                                             (triangle.wgsl, prefixed)
//
// The mirror of solve.wgsl: each invocation solves for one column, from the last row to the first.

@group(0) @binding(2) var<storage, read> dU: array<f32>; // [N, T, E]
@group(0) @binding(3) var<storage, read_write> G: array<f32>; // [N, T, E]
@group(0) @binding(4) var<storage, read_write> dV: array<f32>; // [N, T, E]
@group(0) @binding(5) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
  let first = group.y * n.T + group.x * CHUNK;
  let size = min(CHUNK, n.T - group.x * CHUNK);
  fillTriangle(first, size, index);
  for (var e = index; e < n.E; e += 64) {
    var solved = array<f32, CHUNK>();
    for (var step = 0u; step < CHUNK; step++) {
      if (step >= size) { break; }
      let row = size - 1 - step;
      let at = (first + row) * n.E + e;
      var value = dU[at];
      for (var s = row + 1; s < size; s++) { value -= L[s * WIDTH + row] * solved[s]; }
      solved[row] = value;
      G[at] = value;
      dV[at] = beta[first + row] * value;
    }
  }
}
