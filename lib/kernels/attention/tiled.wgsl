// Fused attention, rung 2: a workgroup takes ROWS queries through the keys tile by tile. A key or value is read once for ROWS
// queries instead of once for each, and every invocation has 4 × 4 scores in registers (tile.wgsl, appended).
//
// The online softmax of rung 1, a tile at a time: m' = max(m, rowmax s),  P = e^(s−m'),  l' = e^(m−m') l + rowsum P,
// o' = e^(m−m') o + P V. An invocation keeps the l of its own columns; the lanes of a row meet for its largest score, and at the end.
//
// Gain on software Vulkan (SwiftShader on 2 cores of an AMD EPYC, no GPU at hand; causal, T = 256, D = 64, `npm run bench:gpu`): 51 ms
// where rung 1 takes 119 and tfjs's operations 322.
//
// Reads T/ROWS · S (D + E) + T/ROWS · S/TILE · ROWS D numbers for 4 T S (D + E)/2 FLOPs per head. Four barriers and one more for each
// chunk of width per tile.

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read> v: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>; // [B, H, T, E]
@group(0) @binding(5) var<storage, read_write> lse: array<f32>; // [B, H, T]
@group(0) @binding(6) var<uniform> n: Sizes;

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

  var o: array<mat4x4f, 8>; // [chunk]: four rows
  var m = vec4f(NOTHING);
  var l = vec4f();
  for (var step = 0u; step < walk(own); step++) {
    let tile = tileAt(own, step);
    var s = mat4x4f();
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      if (chunk * LANES >= n.D / 4) { break; }
      workgroupBarrier();
      fillLeft(&q, queries, own, n.D / 4, chunk, i);
      fillRight(&k, keys, tile, n.D / 4, chunk, i);
      workgroupBarrier();
      s += dots(group, lane);
    }
    s = scores(s * n.scale, b, h, own, tile, group, lane);

    shared4[i] = max(max(s[0], s[1]), max(s[2], s[3]));
    workgroupBarrier();
    var next = m;
    for (var j = 0u; j < LANES; j++) { next = max(next, shared4[group * LANES + j]); }
    let keep = exp(m - next);
    var sum = vec4f();
    for (var c = 0u; c < 4; c++) {
      s[c] = select(exp(s[c] - next), vec4f(), s[c] <= vec4f(NOTHING));
      sum += s[c];
    }
    putWeights(s, group, lane);
    l = keep * l + sum;
    m = next;

    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      if (chunk * LANES >= n.E / 4) { break; }
      if (chunk > 0) { workgroupBarrier(); }
      fillRight(&v, keys, tile, n.E / 4, chunk, i);
      workgroupBarrier();
      let old = o[chunk];
      o[chunk] = mat4x4f(keep.x * old[0], keep.y * old[1], keep.z * old[2], keep.w * old[3]) + mixed(group, lane);
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
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      if (chunk * LANES >= n.E / 4) { break; }
      let e = chunk * LANES + lane;
      if (e < n.E / 4) { out[(queries.x + t * queries.y) * (n.E / 4) + e] = o[chunk][r] / sum[r]; }
    }
    if (lane == 0) { lse[queries.x + t * queries.y] = m[r] + log(sum[r]); }
  }
}
