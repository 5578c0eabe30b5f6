// Fused attention, rung 1: one invocation walks over all keys of one query. Nothing of size T·S is ever stored.
//
// Per key:  s = q·k · scale + bias,  m' = max(m, s),  l' = e^(m−m') l + e^(s−m'),  o' = e^(m−m') o + e^(s−m') v
// At the end: o / l, and the logarithm of the row's sum, m + ln l, for the gradient. A query that may see nothing: zeros.
//
// q [B, H, T, D], k [B, G, S, D], v [B, G, S, E], bias and mask broadcast to [B, H, T, S] (stride 0 where they repeat).

override D: u32;
override E: u32;
override scale: f32;
override causal: bool;

struct Sizes {
  B: u32, H: u32, G: u32, T: u32, S: u32,
  biasB: u32, biasH: u32, biasT: u32, biasS: u32,
  maskB: u32, maskH: u32, maskT: u32, maskS: u32,
}

@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> mask: array<i32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>; // [B, H, T, E]
@group(0) @binding(6) var<storage, read_write> lse: array<f32>; // [B, H, T]
@group(0) @binding(7) var<uniform> n: Sizes;

const NOTHING = -1e30; // below every score, and finite

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let t = id.x;
  let h = id.y % n.H;
  let b = id.y / n.H;
  if (t >= n.T) { return; }
  let row = (b * n.H + h) * n.T + t;
  let keys = (b * n.G + h * n.G / n.H) * n.S;

  var o: array<f32, 128>;
  for (var e = 0u; e < E; e++) { o[e] = 0; }
  var m = f32(NOTHING);
  var l = 0.0;
  for (var s = 0u; s < n.S; s++) {
    if (causal && s + n.T > t + n.S) { break; }
    if (mask[b * n.maskB + h * n.maskH + t * n.maskT + s * n.maskS] == 0) { continue; }
    var score = 0.0;
    for (var d = 0u; d < D; d++) { score += q[row * D + d] * k[(keys + s) * D + d]; }
    score = score * scale + bias[b * n.biasB + h * n.biasH + t * n.biasT + s * n.biasS];
    let next = max(m, score);
    let keep = exp(m - next);
    let weight = exp(score - next);
    l = keep * l + weight;
    for (var e = 0u; e < E; e++) { o[e] = keep * o[e] + weight * v[(keys + s) * E + e]; }
    m = next;
  }
  let sum = select(l, 1.0, l == 0.0);
  for (var e = 0u; e < E; e++) { out[row * E + e] = o[e] / sum; }
  lse[row] = m + log(sum);
}
