// Gradient of fused attention for keys and values, rung 1: one invocation walks over all queries of one key, in every head that reads it.
//
//   P = e^(s − lse),  dV = Pᵀ dO,  dP = dO Vᵀ,  dS = P ∘ (dP − δ),  dK = dSᵀ Q · scale

override D: u32;
override E: u32;

@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> dOut: array<f32>; // [B, H, T, E]
@group(0) @binding(5) var<storage, read> rows: array<vec2f>; // [B, H, T]: lse and δ
@group(0) @binding(6) var<storage, read_write> dk: array<f32>;
@group(0) @binding(7) var<storage, read_write> dv: array<f32>;
@group(0) @binding(8) var<uniform> n: Sizes;

const NOTHING = -1e30; // below every score, and finite
const TILE = 32u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let s = id.x;
  let g = id.y % n.G;
  let b = id.y / n.G;
  if (s >= n.S) { return; }
  let keys = places(b, g, n.G, n.S);
  let key = keys.x + s * keys.y;
  let heads = n.H / n.G;
  let own = vec2u(s, s + 1);

  var dkSums: array<f32, 128>;
  var dvSums: array<f32, 128>;
  for (var h = g * heads; h < (g + 1) * heads; h++) {
    let queries = places(b, h, n.H, n.T);
    for (var i = 0u; i < walk(own); i++) {
      let tile = tileAt(own, i);
      for (var t = tile.x; t < tile.y; t++) {
        let row = queries.x + t * queries.y;
        var dots = 0.0;
        for (var d = 0u; d < D; d++) { dots += q[row * D + d] * k[key * D + d]; }
        let score = judged(dots * n.scale, b, h, t, s);
        if (score <= NOTHING) { continue; }
        let p = exp(score - rows[row].x);
        var dp = 0.0;
        for (var e = 0u; e < E; e++) {
          dp += dOut[row * E + e] * v[key * E + e];
          dvSums[e] += p * dOut[row * E + e];
        }
        let ds = p * (dp - rows[row].y);
        for (var d = 0u; d < D; d++) { dkSums[d] += ds * q[row * D + d]; }
      }
    }
  }
  for (var d = 0u; d < D; d++) { dk[key * D + d] = dkSums[d] * n.scale; }
  for (var e = 0u; e < E; e++) { dv[key * E + e] = dvSums[e]; }
}
