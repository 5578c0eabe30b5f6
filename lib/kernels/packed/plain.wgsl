// Packed attention, rung 1: one invocation walks over the keys of one token's text for one head.
//
// Token i belongs to the text whose range of the prefix sums holds it, which a binary search finds; nothing is ever padded.
// Per key:  s = q·k · scale,  m' = max(m, s),  l' = e^(m−m') l + e^(s−m'),  o' = e^(m−m') o + e^(s−m') v.  At the end: o / l.
//
// q [N, H, D], k [N, G, D], v [N, G, E], offsets [texts + 1].

override D: u32;
override E: u32;
override scale: f32;
override causal: bool;

struct Sizes { N: u32, H: u32, G: u32, texts: u32 }

@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read> offsets: array<i32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>; // [N, H, E]
@group(0) @binding(5) var<uniform> n: Sizes;

const NOTHING = -1e30; // below every score, and finite

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let token = id.x;
  let head = id.y;
  if (token >= n.N) { return; }
  var text = 0u; // the last text that starts at or before the token, and is not empty
  var after = n.texts;
  while (after - text > 1) {
    let middle = (text + after) / 2;
    if (u32(offsets[middle]) <= token) { text = middle; } else { after = middle; }
  }
  let end = select(u32(offsets[text + 1]), token + 1, causal);
  let query = (token * n.H + head) * D;
  let group = head * n.G / n.H;
  var sum = array<f32, 128>();
  var m = f32(NOTHING);
  var l = 0.0;
  for (var s = u32(offsets[text]); s < end; s++) {
    let key = s * n.G + group;
    var score = 0.0;
    for (var d = 0u; d < D; d++) { score += q[query + d] * k[key * D + d]; }
    score *= scale;
    let next = max(m, score);
    let keep = exp(m - next);
    let weight = exp(score - next);
    l = keep * l + weight;
    for (var e = 0u; e < E; e++) { sum[e] = keep * sum[e] + weight * v[key * E + e]; }
    m = next;
  }
  for (var e = 0u; e < E; e++) { out[(token * n.H + head) * E + e] = sum[e] / l; }
}
