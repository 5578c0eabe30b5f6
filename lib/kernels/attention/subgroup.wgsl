enable subgroups;
requires subgroup_id;

// Fused attention, rung 3: rung 2 with the lanes of a row in one subgroup. They meet for their largest score and their sum by
// shuffles, and hand each other their weights the same way: neither goes through workgroup memory, which holds operands alone.
// With 64 queries and tiles of 32 keys that is 13.5 KB instead of 24, within every device's 16 KB: more workgroups at once.
//
// No gain on software Vulkan, whose subgroups of 4 halve the tiles: 64 ms where rung 2 takes 51 (measured as there). Not measured on
// any GPU yet, so it runs unasked only where 64 queries do not fit into workgroup memory otherwise (rung.ts).
//
// A row's lanes are neighbours in a subgroup, whatever its size from LANES on; invocations are numbered by subgroup for that, as
// WGSL does not say how subgroups cut a workgroup. (tile.wgsl, appended.)

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read> v: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>; // [B, H, T, E]
@group(0) @binding(5) var<storage, read_write> lse: array<f32>; // [B, H, T]
@group(0) @binding(6) var<uniform> n: Sizes;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) all: vec3u,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_size) subgroupSize: u32,
  @builtin(subgroup_invocation_id) inSubgroup: u32,
) {
  let i = subgroup * subgroupSize + inSubgroup;
  let lane = i % LANES;
  let group = i / LANES;
  let rowsFirst = inSubgroup - lane;
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

    var largest = max(max(s[0], s[1]), max(s[2], s[3]));
    for (var far = 1u; far < LANES; far *= 2) { largest = max(largest, subgroupShuffleXor(largest, far)); }
    let next = max(m, largest);
    let keep = exp(m - next);
    var sum = vec4f();
    for (var c = 0u; c < 4; c++) {
      s[c] = select(exp(s[c] - next), vec4f(), s[c] <= vec4f(NOTHING));
      sum += s[c];
    }
    l = keep * l + sum;
    m = next;

    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      if (chunk * LANES >= n.E / 4) { break; }
      workgroupBarrier();
      fillRight(&v, keys, tile, n.E / 4, chunk, i);
      workgroupBarrier();
      let old = o[chunk];
      o[chunk] = mat4x4f(keep.x * old[0], keep.y * old[1], keep.z * old[2], keep.w * old[3]);
      for (var c = 0u; c < 4; c++) {
        for (var j = 0u; j < LANES; j++) {
          let w = subgroupShuffle(s[c], rowsFirst + j);
          let x = right[(j + LANES * c) * PITCH + lane];
          o[chunk] += mat4x4f(w.x * x, w.y * x, w.z * x, w.w * x);
        }
      }
    }
  }

  for (var far = 1u; far < LANES; far *= 2) { l += subgroupShuffleXor(l, far); }
  let sum = select(l, vec4f(1), l == vec4f());
  for (var r = 0u; r < 4; r++) {
    let t = own.x + group + GROUPS * r;
    if (t >= n.T) { continue; }
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      let e = chunk * LANES + lane;
      if (e < n.E / 4) { out[(queries.x + t * queries.y) * (n.E / 4) + e] = o[chunk][r] / sum[r]; }
    }
    if (lane == 0) { lse[queries.x + t * queries.y] = m[r] + log(sum[r]); }
  }
}
