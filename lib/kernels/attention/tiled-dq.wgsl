// Gradient of fused attention for the queries, by recomputation: P comes back from each row's log-sum-exp, so nothing of size T·S
// is stored. A workgroup takes ROWS queries through the keys tile by tile (tile.wgsl, appended).
//
//   P = e^(s − lse),  dP = dO Vᵀ,  dS = P ∘ (dP − δ),  δ = rowsum(dO ∘ O) − dlse,  dQ = dS K · scale
//
// 2 T S (2 D + E) FLOPs per head. Forward and gradients on software Vulkan, measured as in tiled.wgsl: 366 ms where the
// plain kernels take 551 and tfjs's operations 721.

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read> v: array<vec4f>;
@group(0) @binding(4) var<storage, read> dOut: array<vec4f>; // [B, H, T, E]
@group(0) @binding(5) var<storage, read> rows: array<vec2f>; // [B, H, T]: lse and δ
@group(0) @binding(6) var<storage, read_write> dq: array<vec4f>;
@group(0) @binding(7) var<uniform> n: Sizes;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) all: vec3u,
  @builtin(local_invocation_index) i: u32,
) {
  let lane = i % LANES;
  let group = i / LANES;
  let h = id.y % n.H;
  let b = id.y / n.H;
  let first = (all.x - 1 - id.x) * ROWS; // under a causal mask the last queries have the most to do: they go first
  let own = vec2u(first, min(first + ROWS, n.T));
  let queries = places(b, h, n.H, n.T);
  let keys = places(b, h * n.G / n.H, n.G, n.S);

  var lse: vec4f;
  var delta: vec4f;
  for (var r = 0u; r < 4; r++) {
    let t = min(own.x + group + GROUPS * r, n.T - 1);
    let row = rows[queries.x + t * queries.y];
    lse[r] = row.x;
    delta[r] = row.y;
  }
  var sums: array<mat4x4f, 8>; // [chunk]: four rows
  for (var step = 0u; step < walk(own); step++) {
    let tile = tileAt(own, step);
    var s = mat4x4f();
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      if (chunk * LANES >= n.D / 4) { break; }
      workgroupBarrier();
      fillLeft(&q, queries, own, n.D / 4, chunk, i);
      fillRight(&k, keys, tile, n.D / 4, chunk, i);
      workgroupBarrier();
      s += dots(group, lane);
    }
    s = scores(s * n.scale, b, h, own, tile, group, lane);
    var dp = mat4x4f();
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      if (chunk * LANES >= n.E / 4) { break; }
      workgroupBarrier();
      fillLeft(&dOut, queries, own, n.E / 4, chunk, i);
      fillRight(&v, keys, tile, n.E / 4, chunk, i);
      workgroupBarrier();
      dp += dots(group, lane);
    }
    for (var c = 0u; c < 4; c++) {
      s[c] = select(exp(s[c] - lse) * (dp[c] - delta), vec4f(), s[c] <= vec4f(NOTHING));
    }
    putWeights(s, group, lane);
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      if (chunk * LANES >= n.D / 4) { break; }
      workgroupBarrier();
      fillRight(&k, keys, tile, n.D / 4, chunk, i);
      workgroupBarrier();
      sums[chunk] += mixed(group, lane);
    }
  }
  for (var r = 0u; r < 4; r++) {
    let t = own.x + group + GROUPS * r;
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      if (chunk * LANES >= n.D / 4) { break; }
      let d = chunk * LANES + lane;
      if (t < own.y && d < n.D / 4) { dq[(queries.x + t * queries.y) * (n.D / 4) + d] = sums[chunk][r] * n.scale; }
    }
  }
}
