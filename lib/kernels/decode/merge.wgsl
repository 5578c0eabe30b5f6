// Decode attention, second pass: merges what the pieces of a tile know. One invocation per number of the output.
//
//   m = max over pieces,  out = Σ e^(m_p − m) o_p / Σ e^(m_p − m) l_p
//
// A few hundred numbers a query, next to the millions of the cache: nothing here is worth a faster rung.

override E: u32;

struct Sizes { R: u32, tiles: u32 }

@group(0) @binding(0) var<storage, read> ml: array<vec2f>; // [P, R]: m and l
@group(0) @binding(1) var<storage, read> o: array<f32>; // [P, R, E]
@group(0) @binding(2) var<storage, read> order: array<i32>; // pieces, tile by tile
@group(0) @binding(3) var<storage, read> tiles: array<i32>; // where a tile's pieces start in `order`
@group(0) @binding(4) var<storage, read_write> out: array<f32>; // [tiles, R, E]
@group(0) @binding(5) var<uniform> n: Sizes;

const NOTHING = -1e30; // below every score, and finite

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let e = id.x % E;
  let row = (id.x / E) % n.R;
  let tile = id.x / (E * n.R);
  if (tile >= n.tiles) { return; }
  var m = f32(NOTHING);
  var l = 0.0;
  var sum = 0.0;
  for (var i = tiles[tile]; i < tiles[tile + 1]; i++) {
    let at = u32(order[i]) * n.R + row;
    let piece = ml[at];
    let next = max(m, piece.x);
    let keep = exp(m - next);
    let weight = exp(piece.x - next);
    l = keep * l + weight * piece.y;
    sum = keep * sum + weight * o[at * E + e];
    m = next;
  }
  out[id.x] = sum / select(l, 1.0, l == 0.0);
}
