enable subgroups;
requires subgroup_id;

// The delta rule, rung `subgroup`: rung 1 with a column of the state shared by 4 or 8 neighbouring lanes, which meet for the sums
// over D by shuffles. So many times more invocations have work, each with so many times fewer registers and a shorter chain of sums.
//
// That gain is reasoned for GPUs; on software Vulkan (SwiftShader on 2 cores with a load of 12, 2026-11-28), T = 256, D = 64, it takes 104 ms
// where rung 1 takes 69.
//
// Invocations are numbered by subgroup, as WGSL does not say how subgroups cut a workgroup.

override D: u32;
override LANES: u32; // a power of two, at least 4, at most the smallest subgroup
override ROWS = (D + LANES - 1) / LANES; // of a lane

struct Sizes { T: u32, E: u32 }

@group(0) @binding(0) var<storage, read> q: array<f32>; // [N, T, D]
@group(0) @binding(1) var<storage, read> k: array<f32>; // [N, T, D]
@group(0) @binding(2) var<storage, read> v: array<f32>; // [N, T, E]
@group(0) @binding(3) var<storage, read> beta: array<f32>; // [N, T]
@group(0) @binding(4) var<storage, read_write> o: array<f32>; // [N, T, E]
@group(0) @binding(5) var<storage, read_write> u: array<f32>; // [N, T, E]
@group(0) @binding(6) var<storage, read_write> rest: array<f32>; // [N, T, E]
@group(0) @binding(7) var<uniform> n: Sizes;

fn overLanes(own: f32) -> f32 {
  var sum = own;
  for (var far = 1u; far < LANES; far *= 2) { sum += subgroupShuffleXor(sum, far); }
  return sum;
}

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
  let near = min(e, n.E - 1); // lanes without a column go along, for the shuffles, and write nothing
  let writes = lane == 0 && e < n.E;
  var S = array<f32, 32>(); // rows lane, lane + LANES, …
  for (var t = 0u; t < n.T; t++) {
    let at = group.y * n.T + t;
    var key = array<f32, 32>();
    var known = 0.0;
    for (var x = 0u; x < ROWS; x++) {
      let d = x * LANES + lane;
      key[x] = select(0.0, k[at * D + min(d, D - 1)], d < D);
      known += S[x] * key[x];
    }
    let missing = v[at * n.E + near] - overLanes(known);
    let write = beta[at] * missing;
    var sum = 0.0;
    for (var x = 0u; x < ROWS; x++) {
      S[x] += key[x] * write;
      sum += S[x] * q[at * D + min(x * LANES + lane, D - 1)]; // rows beyond D stay 0
    }
    sum = overLanes(sum);
    if (writes) {
      o[at * n.E + e] = sum;
      u[at * n.E + e] = write;
      rest[at * n.E + e] = missing;
    }
  }
}
