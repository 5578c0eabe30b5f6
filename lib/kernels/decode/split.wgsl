// Decode attention, rungs 2 and 3: one workgroup for each worker, whose pieces it computes one after the other.
//
// A token's attention reads the whole cache and does four operations a number: memory bounds it. So every lane reads, and reads in
// order: four lanes, a quad, share a key, each holding every fourth vec4 of it, and 32 quads take 128 keys at a time. A quad
// keeps its own m, l and o, so that quads need one another only at the end of a piece, where they are merged as pieces are. The queries that
// share a key head (ROWS of them at once) share the read.
//
// The sum over a quad's lanes is `quadSums`, in a file of its own: quad-workgroup.wgsl (through workgroup memory, rung 2) or
// quad-subgroup.wgsl (between registers, rung 3). Needs D and E to be multiples of 4.
//
// Gain over rung 1, one token of four heads of width 64 against 4,096 keys: none on software Vulkan (no GPU was at hand), where
// no memory is far: 21 ms there, 34 and 29 ms here. tfjs's composed operations take 165 ms.

override D: u32;
override E: u32;
override scale: f32;
/** Queries at once: ROWS · ⌈E / 16⌉ ≤ 16 registers of vec4. */
override ROWS: u32;
override D4 = D / 4;
override E4 = E / 4;

struct Sizes { R: u32, T: u32, S: u32, P: u32 }

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read> v: array<vec4f>;
@group(0) @binding(3) var<storage, read> pieces: array<vec4i>;
@group(0) @binding(4) var<storage, read> workers: array<i32>;
@group(0) @binding(5) var<storage, read_write> ml: array<vec2f>; // [P, R]: m and l
@group(0) @binding(6) var<storage, read_write> o: array<vec4f>; // [P, R, E / 4]
@group(0) @binding(7) var<uniform> n: Sizes;

const NOTHING = -1e30; // below every score, and finite
const QUADS = 32u;

var<workgroup> queries: array<vec4f, ROWS * D4>;
var<workgroup> known: array<vec2f, QUADS>; // m and l of each quad
var<workgroup> sums: array<vec4f, 8 * E4>; // of eight quads

// Of this lane's quad, for each query: o is spread over its lanes.
var<private> own: array<vec4f, 16>;
var<private> m: array<f32, 4>;
var<private> l: array<f32, 4>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) i: u32) {
  let first = group.y * ROWS;
  for (var p = u32(workers[group.x]); p < u32(workers[group.x + 1]); p++) {
    let piece = pieces[p];
    load(u32(piece.x), first, i);
    for (var s = piece.y; s < piece.z; s += i32(4 * QUADS)) { attend(piece, s, first, i); }
    for (var r = 0u; r < ROWS; r++) { mergeQuads(p, first + r, r, i); }
  }
}

/** The queries into workgroup memory, scaled; nothing known yet. */
fn load(tile: u32, first: u32, i: u32) {
  workgroupBarrier(); // the piece before may still be read
  for (var at = i; at < ROWS * D4; at += 4 * QUADS) {
    let row = min(first + at / D4, n.R - 1);
    queries[at] = q[(tile * n.R + row) * D4 + at % D4] * scale;
  }
  for (var r = 0u; r < ROWS; r++) {
    m[r] = NOTHING;
    l[r] = 0;
  }
  for (var at = 0u; at < 16; at++) { own[at] = vec4f(); }
  workgroupBarrier();
}

/** 128 keys from `start` on: four for each quad. */
fn attend(piece: vec4i, start: i32, first: u32, i: u32) {
  let lane = i % 4;
  let key = vec4i(start + i32(i / 4)) + vec4i(0, 32, 64, 96);
  // Beyond the end the last key is read again, and weighs nothing.
  let at = vec4u(piece.x * i32(n.S) + min(key, vec4i(piece.z - 1)));
  var x = array<vec4f, 4>(); // this lane's share of the scores of four keys, for each query
  for (var c = lane; c < D4; c += 4) {
    let k0 = k[at.x * D4 + c];
    let k1 = k[at.y * D4 + c];
    let k2 = k[at.z * D4 + c];
    let k3 = k[at.w * D4 + c];
    for (var r = 0u; r < ROWS; r++) {
      let query = queries[r * D4 + c];
      x[r] += vec4f(dot(query, k0), dot(query, k1), dot(query, k2), dot(query, k3));
    }
  }
  var keep = array<f32, 4>();
  for (var r = 0u; r < ROWS; r++) {
    let score = quadSums(x[r], i);
    // The last query sees every key, the one before it all but the last.
    let end = min(piece.z, piece.w + 1 + i32((first + r) % n.T) - i32(n.T));
    let seen = key < vec4i(end);
    let shown = select(vec4f(NOTHING), score, seen);
    let next = max(m[r], max(max(shown.x, shown.y), max(shown.z, shown.w)));
    x[r] = select(vec4f(), exp(shown - next), seen);
    keep[r] = exp(m[r] - next);
    l[r] = keep[r] * l[r] + dot(x[r], vec4f(1));
    m[r] = next;
  }
  for (var c = lane; c < E4; c += 4) {
    let v0 = v[at.x * E4 + c];
    let v1 = v[at.y * E4 + c];
    let v2 = v[at.z * E4 + c];
    let v3 = v[at.w * E4 + c];
    for (var r = 0u; r < ROWS; r++) {
      let to = r * 16 / ROWS + c / 4;
      own[to] = keep[r] * own[to] + x[r].x * v0 + x[r].y * v1 + x[r].z * v2 + x[r].w * v3;
    }
  }
}

/** Query r of what all quads know, eight quads at a time: each number of the result is one invocation's sum. */
fn mergeQuads(p: u32, row: u32, r: u32, i: u32) {
  let lane = i % 4;
  let quad = i / 4;
  if (lane == 0) { known[quad] = vec2f(m[r], l[r]); }
  workgroupBarrier();
  var most = f32(NOTHING);
  for (var other = 0u; other < QUADS; other++) { most = max(most, known[other].x); }
  var total = 0.0;
  if (i == 0) {
    for (var other = 0u; other < QUADS; other++) { total += exp(known[other].x - most) * known[other].y; }
  }
  let keep = exp(m[r] - most);
  var sum = vec4f();
  for (var turn = 0u; turn < QUADS / 8; turn++) {
    if (quad / 8 == turn) {
      for (var c = lane; c < E4; c += 4) { sums[quad % 8 * E4 + c] = keep * own[r * 16 / ROWS + c / 4]; }
    }
    workgroupBarrier();
    if (i < E4) {
      for (var other = 0u; other < 8; other++) { sum += sums[other * E4 + i]; }
    }
    workgroupBarrier();
  }
  if (row >= n.R) { return; }
  if (i < E4) { o[(p * n.R + row) * E4 + i] = sum; }
  if (i == 0) { ml[p * n.R + row] = vec2f(most, total); }
}
