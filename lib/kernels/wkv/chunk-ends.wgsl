// WKV, rung 2, first of three kernels: the sums over each chunk of positions alone. All chunks run side by side, so that
// T / chunk times as many invocations have work as on rung 1, at twice the arithmetic. Two cores are full with rung 1's: 176 ms for
// its 110 ms (measured as there). It is for GPUs, which need thousands of invocations.
//
// w [C], k, v [B, T, C].

override chunk: u32;

struct Sizes { T: u32, C: u32 }

@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read_write> ends: array<f32>; // m, a, b [3, B, M, C]
@group(0) @binding(4) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let c = id.x;
  if (c >= n.C) { return; }
  var sums = Sums(NOTHING, 0, 0);
  for (var t = id.y * chunk; t < min((id.y + 1) * chunk, n.T); t++) {
    let at = (id.z * n.T + t) * n.C + c;
    sums = joined(sums, w[c], Sums(k[at], v[at], 1));
  }
  let plane = groups.z * groups.y * n.C;
  let at = (id.z * groups.y + id.y) * n.C + c;
  ends[at] = sums.m;
  ends[plane + at] = sums.a;
  ends[2 * plane + at] = sums.b;
}
