// Packed attention, rungs 2 and 3: 32 queries of one text and head share each key that is read.
//
// A workgroup's tile never crosses the end of a text: the launcher lists the tiles, so texts of any lengths fill the GPU and no lane
// is spent on padding but in each text's last tile. 16 keys at a time go into workgroup memory, then their values into the same place. Four lanes, a
// quad, share a query, each holding every fourth vec4 of it and of its o; the sum over them is `quadSums`, in a file of its own:
// ../decode/quad-workgroup.wgsl (rung 2) or quad-subgroup.wgsl (rung 3). Needs D and E to be multiples of 4.
//
// Gain: on software Vulkan (no GPU was at hand, and the machine was busy), eight texts of 32 to 512 tokens, four heads of width 64: rung 1
// 7.9 s, rung 2 5.0 s, rung 3 2.9 s. Padded to 512, tfjs's composed operations take 34 s.

override D: u32;
override E: u32;
override scale: f32;
override causal: bool;
override D4 = D / 4;
override E4 = E / 4;

struct Sizes { N: u32, H: u32, G: u32, texts: u32 }

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read> v: array<vec4f>;
@group(0) @binding(3) var<storage, read> tiles: array<vec4i>; // first query, first key, end of the text, -
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>; // [N, H, E / 4]
@group(0) @binding(5) var<uniform> n: Sizes;

const NOTHING = -1e30; // below every score, and finite
const THREADS = 128u;
const QUERIES = 32u;
const KEYS = 16u;

var<workgroup> rows: array<vec4f, KEYS * max(D4, E4)>; // keys, then their values

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) i: u32) {
  let tile = tiles[group.x];
  let head = group.y;
  let keyHead = head * n.G / n.H;
  let lane = i % 4;
  let own = u32(tile.x) + i / 4;
  let end = u32(tile.z);
  // Lanes beyond the end of the text compute its last query again, and write nothing.
  let token = min(own, end - 1);
  var query = array<vec4f, 8>();
  var sum = array<vec4f, 8>();
  for (var c = lane; c < D4; c += 4) { query[c / 4] = q[(token * n.H + head) * D4 + c] * scale; }
  var m = f32(NOTHING);
  var l = 0.0;
  // The last query of the tile decides how far a causal tile reads; each query sees up to itself.
  let last = select(end, min(end, u32(tile.x) + QUERIES), causal);
  let reach = select(end, token + 1, causal);
  for (var start = u32(tile.y); start < last; start += KEYS) {
    workgroupBarrier();
    for (var at = i; at < KEYS * D4; at += THREADS) {
      let key = min(start + at / D4, end - 1);
      rows[at] = k[(key * n.G + keyHead) * D4 + at % D4];
    }
    workgroupBarrier();
    var score = array<vec4f, 4>();
    var next = m;
    for (var j = 0u; j < 4; j++) {
      var x = vec4f();
      for (var c = lane; c < D4; c += 4) {
        let one = query[c / 4];
        let row = 4 * j * D4 + c;
        x += vec4f(
          dot(one, rows[row]), dot(one, rows[row + D4]),
          dot(one, rows[row + 2 * D4]), dot(one, rows[row + 3 * D4]));
      }
      let seen = vec4u(start + 4 * j) + vec4u(0, 1, 2, 3) < vec4u(reach);
      score[j] = select(vec4f(NOTHING), quadSums(x, i), seen);
      next = max(next, max(max(score[j].x, score[j].y), max(score[j].z, score[j].w)));
    }
    let keep = exp(m - next);
    m = next;
    l *= keep;
    for (var j = 0u; j < 4; j++) {
      score[j] = exp(score[j] - m); // every query sees the first key, so m is a score from the first pass on
      l += dot(score[j], vec4f(1));
    }
    workgroupBarrier();
    for (var at = i; at < KEYS * E4; at += THREADS) {
      let key = min(start + at / E4, end - 1);
      rows[at] = v[(key * n.G + keyHead) * E4 + at % E4];
    }
    workgroupBarrier();
    for (var c = lane; c < E4; c += 4) {
      var added = keep * sum[c / 4];
      for (var j = 0u; j < 4; j++) {
        let row = 4 * j * E4 + c;
        added += score[j].x * rows[row] + score[j].y * rows[row + E4]
          + score[j].z * rows[row + 2 * E4] + score[j].w * rows[row + 3 * E4];
      }
      sum[c / 4] = added;
    }
  }
  if (own >= end) { return; }
  for (var c = lane; c < E4; c += 4) { out[(token * n.H + head) * E4 + c] = sum[c / 4] / l; }
}
