// Rung `chunked`, second of three kernels: the state before each chunk, and what each position really writes.
//
//   U = Ũ − W S,   S ← S + Kᵀ U                                                                    (columns.wgsl, prefixed)
//
// The only walk along T, in T / 32 steps that are matrix products. A workgroup has 16 columns of S, which never meet the others.
// The rung is for GPUs, which need more than one step of one column at a time; that gain is reasoned, not measured. On software Vulkan
// (SwiftShader on 2 cores with a load of 12, 2026-11-28), T = 256, D = 64: 181 ms where rung `plain` takes 69; with gradients 1.0 s for 1.7.

@group(0) @binding(0) var<storage, read> k: array<f32>; // [N, T, D]
@group(0) @binding(1) var<storage, read> W: array<f32>; // [N, T, D]
@group(0) @binding(2) var<storage, read> known: array<f32>; // Ũ, [N, T, E]
@group(0) @binding(3) var<storage, read_write> u: array<f32>; // [N, T, E]
@group(0) @binding(4) var<storage, read_write> before: array<f32>; // [N, chunks, D, E]
@group(0) @binding(5) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
  let e0 = group.x * 4 * QUADS;
  let chunks = (n.T + CHUNK - 1) / CHUNK;
  for (var at = index; at < (D + TILE - 1) / TILE * TILE * QUADS; at += 64) { state[at] = vec4f(); }
  workgroupBarrier();
  for (var chunk = 0u; chunk < chunks; chunk++) {
    let first = group.y * n.T + chunk * CHUNK;
    let size = min(CHUNK, n.T - chunk * CHUNK);
    for (var at = index; at < D * 4 * QUADS; at += 64) {
      let d = at / (4 * QUADS);
      let e = at % (4 * QUADS);
      if (e0 + e < n.E) {
        before[((group.y * chunks + chunk) * D + d) * n.E + e0 + e] = state[d * QUADS + e / 4][e % 4];
      }
    }
    var sums = array<vec4f, 2>();
    for (var d0 = 0u; d0 < D; d0 += TILE) {
      fillTile(&W, first, size, d0, index);
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
          own[i] = known[at] - sums[x][i];
          u[at] = own[i];
        }
      }
      rows[row * QUADS + index % QUADS] = own;
    }
    for (var d0 = 0u; d0 < D; d0 += TILE) {
      fillTile(&k, first, size, d0, index);
      workgroupBarrier();
      addToState(d0, 1, index);
      workgroupBarrier();
    }
  }
}
