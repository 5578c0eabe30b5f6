enable subgroups;
requires subgroup_id;

// The gradient of the delta rule with respect to u, rung `subgroup`: plain-back.wgsl with a column of dS shared by 4 or 8
// neighbouring lanes, as in subgroup.wgsl.

override D: u32;
override LANES: u32; // a power of two, at least 4, at most the smallest subgroup
override ROWS = (D + LANES - 1) / LANES; // of a lane

struct Sizes { T: u32, E: u32 }

@group(0) @binding(0) var<storage, read> q: array<f32>; // [N, T, D]
@group(0) @binding(1) var<storage, read> k: array<f32>; // [N, T, D]
@group(0) @binding(2) var<storage, read> beta: array<f32>; // [N, T]
@group(0) @binding(3) var<storage, read> dO: array<f32>; // [N, T, E]
@group(0) @binding(4) var<storage, read_write> du: array<f32>; // [N, T, E]
@group(0) @binding(5) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_size) subgroupSize: u32,
  @builtin(subgroup_invocation_id) inSubgroup: u32,
) {
  let i = subgroup * subgroupSize + inSubgroup;
  let lane = i % LANES;
  let e = group.x * (64 / LANES) + i / LANES;
  let column = min(e, n.E - 1); // lanes without a column go along, for the shuffles, and write nothing
  var dS = array<f32, 32>(); // rows lane, lane + LANES, …
  for (var step = 0u; step < n.T; step++) {
    let at = group.y * n.T + (n.T - 1 - step);
    let out = dO[at * n.E + column];
    var key = array<f32, 32>();
    var sum = 0.0;
    for (var x = 0u; x < ROWS; x++) {
      let d = x * LANES + lane;
      let near = at * D + min(d, D - 1);
      key[x] = select(0.0, k[near], d < D);
      dS[x] += q[near] * out;
      sum += dS[x] * key[x]; // rows beyond D count nothing
    }
    for (var far = 1u; far < LANES; far *= 2) { sum += subgroupShuffleXor(sum, far); }
    for (var x = 0u; x < ROWS; x++) { dS[x] -= beta[at] * key[x] * sum; }
    if (lane == 0 && e < n.E) { du[at * n.E + e] = sum; }
  }
}
