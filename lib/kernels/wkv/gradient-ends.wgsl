// WKV's gradient, first of three kernels: what each chunk alone hands back to the position before it.
//
// Beside it stand the channel's w and u, for the third kernel, which has no binding left for them: WebGPU promises eight.
//
// w, u [C], lse, y, dy [B, T, C].

override chunk: u32;

struct Sizes { T: u32, C: u32 }

@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read> u: array<f32>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read> y: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> ends: array<f32>; // q, g, s, dg, ds, w, u [7, B, M, C]
@group(0) @binding(6) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let c = id.x;
  if (c >= n.C) { return; }
  var sums = Echo(NOTHING, 0, 0, 0, 0);
  for (var t = min((id.y + 1) * chunk, n.T); t > id.y * chunk; t--) {
    let at = (id.z * n.T + t - 1) * n.C + c;
    sums = joined(sums, w[c], 1, echo(lse[at], y[at], dy[at]));
  }
  let plane = groups.z * groups.y * n.C;
  let at = (id.z * groups.y + id.y) * n.C + c;
  ends[at] = sums.q;
  ends[plane + at] = sums.g;
  ends[2 * plane + at] = sums.s;
  ends[3 * plane + at] = sums.dg;
  ends[4 * plane + at] = sums.ds;
  ends[5 * plane + at] = w[c];
  ends[6 * plane + at] = u[c];
}
