// Gradient of fused attention for the queries, rung 1: one invocation walks over all keys of one query.
//
//   P = e^(s − lse),  dP = dO Vᵀ,  dS = P ∘ (dP − δ),  δ = rowsum(dO ∘ O) − dlse,  dQ = dS K · scale

override D: u32;
override E: u32;

@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> dOut: array<f32>; // [B, H, T, E]
@group(0) @binding(5) var<storage, read> rows: array<vec2f>; // [B, H, T]: lse and δ
@group(0) @binding(6) var<storage, read_write> dq: array<f32>;
@group(0) @binding(7) var<uniform> n: Sizes;

const NOTHING = -1e30; // below every score, and finite
const TILE = 32u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let t = id.x;
  let h = id.y % n.H;
  let b = id.y / n.H;
  if (t >= n.T) { return; }
  let queries = places(b, h, n.H, n.T);
  let keys = places(b, h * n.G / n.H, n.G, n.S);
  let row = queries.x + t * queries.y;
  let own = vec2u(t, t + 1);

  var sums: array<f32, 128>;
  for (var i = 0u; i < walk(own); i++) {
    let tile = tileAt(own, i);
    for (var s = tile.x; s < tile.y; s++) {
      let key = keys.x + s * keys.y;
      var dots = 0.0;
      for (var d = 0u; d < D; d++) { dots += q[row * D + d] * k[key * D + d]; }
      let score = judged(dots * n.scale, b, h, t, s);
      if (score <= NOTHING) { continue; }
      var dp = 0.0;
      for (var e = 0u; e < E; e++) { dp += dOut[row * E + e] * v[key * E + e]; }
      let ds = exp(score - rows[row].x) * (dp - rows[row].y);
      for (var d = 0u; d < D; d++) { sums[d] += ds * k[key * D + d]; }
    }
  }
  for (var d = 0u; d < D; d++) { dq[row * D + d] = sums[d] * n.scale; }
}
