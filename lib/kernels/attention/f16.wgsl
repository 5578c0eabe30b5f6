enable f16;

// Fused attention, rung 4, only on demand: rung 2 with operands and weights in half precision in workgroup memory. That is half the
// memory, so that all of a workgroup's queries stay there for the whole walk: rung 2 reads them again for each tile, as often as
// the keys. Each tile costs half the reads of workgroup memory, too, which bound rung 2. Products, sums, the softmax's m and l and the
// results are f32: a sum in f16 would lose more than the operands do, and overflow.
//
// Range: f16 ends at 65504. Each of q, k and v is multiplied by the power of two that brings its largest number (largest.wgsl) between
// 2^14 and 2^15, which is exact, and its scores or results by the inverse: no finite number becomes infinite. Precision: 2^-11
// of a number that is at least 2^-28 of its tensor's largest, 2^-40 of that largest below. So a score is off by at most
// ε = 2^-10 scale Σ |q_d k_d|, and an output by (e^2ε − 1 + 2^-10) max |v|. A tensor's numbers that lie further apart want rung 2.
//
// Reads S (D + E) numbers a workgroup, not S (D + E) + S/TILE · ROWS D. That is reasoning: no GPU was at hand. Software Vulkan, which
// converts each number it reads, loses: 171 ms where rung 2 takes 97 (lavapipe on a busy machine; causal, T = 256, D = 64).
// (tile.wgsl, appended.)

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read> v: array<vec4f>;
@group(0) @binding(4) var<storage, read> largest: array<u32>; // [3, PARTS]: bits of the largest magnitudes in parts of q, k and v
@group(0) @binding(5) var<storage, read_write> out: array<vec4f>; // [B, H, T, E]
@group(0) @binding(6) var<storage, read_write> lse: array<f32>; // [B, H, T]
@group(0) @binding(7) var<uniform> n: Sizes;

override PARTS: u32;
override QUERY_PITCH: u32 = CHUNKS * LANES + 1;

var<workgroup> halfQueries: array<vec4h, ROWS * QUERY_PITCH>;
var<workgroup> halfRight: array<vec4h, TILE * PITCH>; // a chunk of the keys, or of the values
var<workgroup> halfWeights: array<vec4h, GROUPS * (TILE + 1)>; // [group][column]: the weights of the group's four rows
var<workgroup> shared4: array<vec4f, THREADS>; // [group][lane]: something of each of the group's four rows

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
  let forQ = factors(0);
  let forK = factors(1);
  let forV = factors(2);

  let columns = CHUNKS * LANES;
  for (var at = i; at < ROWS * columns; at += THREADS) {
    let row = own.x + at / columns;
    let d = at % columns;
    var value = vec4f();
    if (row < own.y && d < n.D / 4) { value = q[(queries.x + row * queries.y) * (n.D / 4) + d]; }
    halfQueries[at / columns * QUERY_PITCH + d] = vec4h(value * forQ.x);
  }

  var o: array<mat4x4f, 8>; // [chunk]: four rows
  var m = vec4f(NOTHING);
  var l = vec4f();
  for (var step = 0u; step < walk(own); step++) {
    let tile = tileAt(own, step);
    var s = mat4x4f();
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      if (chunk * LANES >= n.D / 4) { break; }
      workgroupBarrier();
      fillHalf(&k, forK.x, keys, tile, n.D / 4, chunk, i);
      workgroupBarrier();
      s += halfDots(group, lane, chunk);
    }
    // One after the other: their product may be too large or too small where the score is neither.
    s = scores(s * (forQ.y * n.scale) * forK.y, b, h, own, tile, group, lane);

    shared4[i] = max(max(s[0], s[1]), max(s[2], s[3]));
    workgroupBarrier();
    var next = m;
    for (var j = 0u; j < LANES; j++) { next = max(next, shared4[group * LANES + j]); }
    let keep = exp(m - next);
    var sum = vec4f();
    for (var c = 0u; c < 4; c++) {
      s[c] = select(exp(s[c] - next), vec4f(), s[c] <= vec4f(NOTHING));
      sum += s[c];
      halfWeights[group * (TILE + 1) + lane + LANES * c] = vec4h(s[c]);
    }
    l = keep * l + sum;
    m = next;

    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      if (chunk * LANES >= n.E / 4) { break; }
      if (chunk > 0) { workgroupBarrier(); }
      fillHalf(&v, forV.x, keys, tile, n.E / 4, chunk, i);
      workgroupBarrier();
      let old = o[chunk];
      o[chunk] = mat4x4f(keep.x * old[0], keep.y * old[1], keep.z * old[2], keep.w * old[3]) + halfMixed(group, lane);
    }
  }

  workgroupBarrier();
  shared4[i] = l;
  workgroupBarrier();
  var sum = vec4f();
  for (var j = 0u; j < LANES; j++) { sum += shared4[group * LANES + j]; }
  sum = select(sum, vec4f(1), sum == vec4f());
  for (var r = 0u; r < 4; r++) {
    let t = own.x + group + GROUPS * r;
    if (t >= n.T) { continue; }
    let row = queries.x + t * queries.y;
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      if (chunk * LANES >= n.E / 4) { break; }
      let e = chunk * LANES + lane;
      if (e < n.E / 4) { out[row * (n.E / 4) + e] = o[chunk][r] / sum[r] * forV.y; }
    }
    if (lane == 0) { lse[row] = m[r] + log(sum[r]); }
  }
}

/// The power of two that brings the largest number of q, k or v (`which`: 0, 1, 2) between 2^14 and 2^15, and its inverse.
fn factors(which: u32) -> vec2f {
  var most = 0u;
  for (var part = 0u; part < PARTS; part++) { most = max(most, largest[which * PARTS + part]); }
  let exponent = max(most >> 23, 15); // biased by 127; so that the inverse is a normal number
  return vec2f(bitcast<f32>((268 - exponent) << 23), bitcast<f32>((exponent - 14) << 23));
}

/// Rows of a tile of keys or values, as fillRight in tile.wgsl.
fn fillHalf(
  x: ptr<storage, array<vec4f>, read>, factor: f32, place: vec2u, tile: vec2u, width: u32, chunk: u32, i: u32,
) {
  for (var at = i; at < TILE * LANES; at += THREADS) {
    let row = tile.x + at / LANES;
    let d = chunk * LANES + at % LANES;
    var value = vec4f();
    if (row < tile.y && d < width) { value = (*x)[(place.x + row * place.y) * width + d]; }
    halfRight[at / LANES * PITCH + at % LANES] = vec4h(value * factor);
  }
}

/// Queries times keys over the chunk.
fn halfDots(group: u32, lane: u32, chunk: u32) -> mat4x4f {
  var sum = mat4x4f();
  for (var d = 0u; d < LANES; d++) {
    let at = group * QUERY_PITCH + chunk * LANES + d;
    let a0 = vec4f(halfQueries[at]);
    let a1 = vec4f(halfQueries[at + GROUPS * QUERY_PITCH]);
    let a2 = vec4f(halfQueries[at + 2 * GROUPS * QUERY_PITCH]);
    let a3 = vec4f(halfQueries[at + 3 * GROUPS * QUERY_PITCH]);
    for (var c = 0u; c < 4; c++) {
      let b = vec4f(halfRight[(lane + LANES * c) * PITCH + d]);
      sum[c] += vec4f(dot(a0, b), dot(a1, b), dot(a2, b), dot(a3, b));
    }
  }
  return sum;
}

/// Weights times values: for each of the four rows, vec4 number `lane` of the chunk.
fn halfMixed(group: u32, lane: u32) -> mat4x4f {
  var sum = mat4x4f();
  for (var j = 0u; j < TILE; j++) {
    let w = vec4f(halfWeights[group * (TILE + 1) + j]);
    let x = vec4f(halfRight[j * PITCH + lane]);
    sum += mat4x4f(w.x * x, w.y * x, w.z * x, w.w * x);
  }
  return sum;
}
