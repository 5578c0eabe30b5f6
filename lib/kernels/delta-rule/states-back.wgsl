// Rung `chunked`, gradient: that of the state after each chunk, from the last chunk to the first, and that of u with it.
//
//   dU = Y + K dS,   dS ← dS + Qᵀ dO − Wᵀ dU          Y: what the chunk's own outputs say of u       (columns.wgsl, prefixed)
//
// The mirror of states.wgsl. W carries the whole chunk's corrections, so no triangle is solved on the way.

@group(0) @binding(0) var<storage, read> q: array<f32>; // [N, T, D]
@group(0) @binding(1) var<storage, read> k: array<f32>; // [N, T, D]
@group(0) @binding(2) var<storage, read> W: array<f32>; // [N, T, D]
@group(0) @binding(3) var<storage, read> dO: array<f32>; // [N, T, E]
@group(0) @binding(4) var<storage, read> Y: array<f32>; // [N, T, E]
@group(0) @binding(5) var<storage, read_write> dU: array<f32>; // [N, T, E]
@group(0) @binding(6) var<storage, read_write> after: array<f32>; // dS, [N, chunks, D, E]
@group(0) @binding(7) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
  let e0 = group.x * 4 * QUADS;
  let chunks = (n.T + CHUNK - 1) / CHUNK;
  for (var at = index; at < (D + TILE - 1) / TILE * TILE * QUADS; at += 64) { state[at] = vec4f(); }
  workgroupBarrier();
  for (var step = 0u; step < chunks; step++) {
    let chunk = chunks - 1 - step;
    let first = group.y * n.T + chunk * CHUNK;
    let size = min(CHUNK, n.T - chunk * CHUNK);
    for (var at = index; at < D * 4 * QUADS; at += 64) {
      let d = at / (4 * QUADS);
      let e = at % (4 * QUADS);
      if (e0 + e < n.E) {
        after[((group.y * chunks + chunk) * D + d) * n.E + e0 + e] = state[d * QUADS + e / 4][e % 4];
      }
    }
    var sums = array<vec4f, 2>();
    for (var d0 = 0u; d0 < D; d0 += TILE) {
      fillTile(&k, first, size, d0, index);
      workgroupBarrier();
      let more = readState(d0, index);
      sums[0] += more[0];
      sums[1] += more[1];
      workgroupBarrier();
    }
    for (var x = 0u; x < 2; x++) {
      let row = index / QUADS + 16 * x;
      var own = vec4f();
      for (var i = 0u; i < 4; i++) {
        let e = e0 + index % QUADS * 4 + i;
        let at = (first + row) * n.E + e;
        if (row < size && e < n.E) {
          sums[x][i] += Y[at];
          dU[at] = sums[x][i];
          own[i] = dO[at];
        }
      }
      rows[row * QUADS + index % QUADS] = own;
    }
    for (var d0 = 0u; d0 < D; d0 += TILE) {
      fillTile(&q, first, size, d0, index);
      workgroupBarrier();
      addToState(d0, 1, index);
      workgroupBarrier();
    }
    // Rows behind the end hold K dS of a zero key, which is zero.
    for (var x = 0u; x < 2; x++) { rows[(index / QUADS + 16 * x) * QUADS + index % QUADS] = sums[x]; }
    for (var d0 = 0u; d0 < D; d0 += TILE) {
      fillTile(&W, first, size, d0, index);
      workgroupBarrier();
      addToState(d0, -1, index);
      workgroupBarrier();
    }
  }
}
