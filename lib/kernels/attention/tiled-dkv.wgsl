// Gradient of fused attention for keys and values, by recomputation. A workgroup takes ROWS keys through the queries, tile by tile,
// of every head that reads them (tile.wgsl, appended): nobody else adds to its sums, so there are no atomics, and two runs agree in every bit.
//
//   Pᵀ = e^(sᵀ − lse),  dV = Pᵀ dO,  dPᵀ = V dOᵀ,  dSᵀ = Pᵀ ∘ (dPᵀ − δ),  dK = dSᵀ Q · scale
//
// 2 T S (2 D + 2 E) FLOPs per query head. Forward and gradients on software Vulkan, measured as in tiled.wgsl: 366 ms where the
// plain kernels take 551 and tfjs's operations 721.

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read> v: array<vec4f>;
@group(0) @binding(4) var<storage, read> dOut: array<vec4f>; // [B, H, T, E]
@group(0) @binding(5) var<storage, read> rows: array<vec2f>; // [B, H, T]: lse and δ
@group(0) @binding(6) var<storage, read_write> dk: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> dv: array<vec4f>;
@group(0) @binding(8) var<uniform> n: Sizes;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) i: u32) {
  let lane = i % LANES;
  let group = i / LANES;
  let g = id.y % n.G;
  let b = id.y / n.G;
  let own = vec2u(id.x * ROWS, min(id.x * ROWS + ROWS, n.S));
  let keys = places(b, g, n.G, n.S);
  let heads = n.H / n.G;

  var dkSums: array<mat4x4f, 8>; // [chunk]: four rows
  var dvSums: array<mat4x4f, 8>;
  for (var h = g * heads; h < (g + 1) * heads; h++) {
    let queries = places(b, h, n.H, n.T);
    for (var step = 0u; step < walk(own); step++) {
      let tile = tileAt(own, step);
      var s = mat4x4f();
      for (var chunk = 0u; chunk < CHUNKS; chunk++) {
        if (chunk * LANES >= n.D / 4) { break; }
        workgroupBarrier();
        fillLeft(&k, keys, own, n.D / 4, chunk, i);
        fillRight(&q, queries, tile, n.D / 4, chunk, i);
        workgroupBarrier();
        s += dots(group, lane);
      }
      s = scores(s * n.scale, b, h, own, tile, group, lane);
      var delta = vec4f(); // of the four columns
      for (var c = 0u; c < 4; c++) {
        let row = rows[queries.x + min(tile.x + lane + LANES * c, n.T - 1) * queries.y];
        s[c] = select(exp(s[c] - row.x), vec4f(), s[c] <= vec4f(NOTHING));
        delta[c] = row.y;
      }
      putWeights(s, group, lane);
      var dp = mat4x4f();
      for (var chunk = 0u; chunk < CHUNKS; chunk++) {
        if (chunk * LANES >= n.E / 4) { break; }
        workgroupBarrier();
        fillLeft(&v, keys, own, n.E / 4, chunk, i);
        fillRight(&dOut, queries, tile, n.E / 4, chunk, i);
        workgroupBarrier();
        dp += dots(group, lane);
        dvSums[chunk] += mixed(group, lane);
      }
      workgroupBarrier();
      for (var c = 0u; c < 4; c++) { s[c] *= dp[c] - delta[c]; }
      putWeights(s, group, lane);
      for (var chunk = 0u; chunk < CHUNKS; chunk++) {
        if (chunk * LANES >= n.D / 4) { break; }
        workgroupBarrier();
        fillRight(&q, queries, tile, n.D / 4, chunk, i);
        workgroupBarrier();
        dkSums[chunk] += mixed(group, lane);
      }
    }
  }
  for (var r = 0u; r < 4; r++) {
    let s = own.x + group + GROUPS * r;
    if (s >= own.y) { continue; }
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      if (chunk * LANES >= n.D / 4) { break; }
      let d = chunk * LANES + lane;
      if (d < n.D / 4) { dk[(keys.x + s * keys.y) * (n.D / 4) + d] = dkSums[chunk][r] * n.scale; }
    }
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      if (chunk * LANES >= n.E / 4) { break; }
      let e = chunk * LANES + lane;
      if (e < n.E / 4) { dv[(keys.x + s * keys.y) * (n.E / 4) + e] = dvSums[chunk][r]; }
    }
  }
}
