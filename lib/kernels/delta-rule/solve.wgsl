// Rung `chunked`, first of three kernels: what each chunk would write, and how that hangs on the state before it.
//
//   (I + L) [W, Ũ] = diag(β) [K, V],   so that in the chunk   U = Ũ − W S                          (triangle.wgsl, prefixed)
//
// Each invocation solves for one of the D + E columns, from the first row to the last. That is the recurrence itself, so it is as
// stable as rung 1: no inverse is formed. All chunks of all heads run side by side.

@group(0) @binding(2) var<storage, read> v: array<f32>; // [N, T, E]
@group(0) @binding(3) var<storage, read_write> W: array<f32>; // [N, T, D]
@group(0) @binding(4) var<storage, read_write> U: array<f32>; // Ũ, [N, T, E]
@group(0) @binding(5) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
  let first = group.y * n.T + group.x * CHUNK;
  let size = min(CHUNK, n.T - group.x * CHUNK);
  fillTriangle(first, size, index);
  for (var column = index; column < D + n.E; column += 64) {
    let ofKey = column < D;
    var solved = array<f32, CHUNK>();
    for (var row = 0u; row < CHUNK; row++) {
      if (row >= size) { break; }
      let at = first + row;
      var value = 0.0;
      if (ofKey) { value = k[at * D + column]; } else { value = v[at * n.E + column - D]; }
      value *= beta[at];
      for (var s = 0u; s < row; s++) { value -= L[row * WIDTH + s] * solved[s]; }
      solved[row] = value;
      if (ofKey) { W[at * D + column] = value; } else { U[at * n.E + column - D] = value; }
    }
  }
}
