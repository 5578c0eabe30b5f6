// Fused attention, rung 1: one invocation walks over all keys of one query. Nothing of size T·S is ever stored.
//
// Per key:  s = q·k · scale + bias,  m' = max(m, s),  l' = e^(m−m') l + e^(s−m'),  o' = e^(m−m') o + e^(s−m') v
// At the end: o / l, and the logarithm of the row's sum, m + ln l, for the gradient. A query that may see nothing: zeros.
//
// q [B, H, T, D], k [B, G, S, D], v [B, G, S, E]; packed [T, H, D] and so on. Who sees whom, and where rows lie: span.wgsl,
// blocks.wgsl or ../packed/texts.wgsl, appended.

override D: u32;
override E: u32;

@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>; // [B, H, T, E]
@group(0) @binding(5) var<storage, read_write> lse: array<f32>; // [B, H, T]
@group(0) @binding(6) var<uniform> n: Sizes;

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

  var o: array<f32, 128>;
  var m = f32(NOTHING);
  var l = 0.0;
  for (var i = 0u; i < walk(own); i++) {
    let tile = tileAt(own, i);
    for (var s = tile.x; s < tile.y; s++) {
      let key = keys.x + s * keys.y;
      var dots = 0.0;
      for (var d = 0u; d < D; d++) { dots += q[row * D + d] * k[key * D + d]; }
      let score = judged(dots * n.scale, b, h, t, s);
      if (score <= NOTHING) { continue; }
      let next = max(m, score);
      let keep = exp(m - next);
      let weight = exp(score - next);
      l = keep * l + weight;
      for (var e = 0u; e < E; e++) { o[e] = keep * o[e] + weight * v[key * E + e]; }
      m = next;
    }
  }
  let sum = select(l, 1.0, l == 0.0);
  for (var e = 0u; e < E; e++) { out[row * E + e] = o[e] / sum; }
  lse[row] = m + log(sum);
}
