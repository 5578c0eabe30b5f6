// Decode attention, rung 1: one invocation walks over the keys of one piece for one query.
//
// The R = T · H / G queries of a tile, one key head of one batch element, share its keys. A piece is a range of them. Per key:
//   s = q·k · scale,  m' = max(m, s),  l' = e^(m−m') l + e^(s−m'),  o' = e^(m−m') o + e^(s−m') v
// What the piece knows, m, l and o, is written out; merge.wgsl puts the pieces of a tile together.
//
// q [tiles, R, D], k [tiles, S, D], v [tiles, S, E], pieces [P, 4]: tile, first key, end, keys of the tile.

override D: u32;
override E: u32;
override scale: f32;

struct Sizes { R: u32, T: u32, S: u32, P: u32 }

@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read> pieces: array<vec4i>;
@group(0) @binding(4) var<storage, read> workers: array<i32>;
@group(0) @binding(5) var<storage, read_write> ml: array<vec2f>; // [P, R]: m and l
@group(0) @binding(6) var<storage, read_write> o: array<f32>; // [P, R, E]
@group(0) @binding(7) var<uniform> n: Sizes;

const NOTHING = -1e30; // below every score, and finite

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) i: u32) {
  let row = group.y * 64 + i;
  if (row >= n.R) { return; }
  for (var p = u32(workers[group.x]); p < u32(workers[group.x + 1]); p++) { walk(p, row); }
}

fn walk(p: u32, row: u32) {
  let piece = pieces[p];
  let query = (u32(piece.x) * n.R + row) * D;
  let keys = u32(piece.x) * n.S;
  // The last query sees every key, the one before it all but the last.
  let end = min(piece.z, piece.w + 1 + i32(row % n.T) - i32(n.T));
  var sum = array<f32, 128>();
  var m = f32(NOTHING);
  var l = 0.0;
  for (var s = piece.y; s < end; s++) {
    let key = (keys + u32(s)) * D;
    let value = (keys + u32(s)) * E;
    var score = 0.0;
    for (var d = 0u; d < D; d++) { score += q[query + d] * k[key + d]; }
    score *= scale;
    let next = max(m, score);
    let keep = exp(m - next);
    let weight = exp(score - next);
    l = keep * l + weight;
    for (var e = 0u; e < E; e++) { sum[e] = keep * sum[e] + weight * v[value + e]; }
    m = next;
  }
  ml[p * n.R + row] = vec2f(m, l);
  for (var e = 0u; e < E; e++) { o[(p * n.R + row) * E + e] = sum[e]; }
}
