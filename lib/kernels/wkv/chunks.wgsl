// WKV, rung 2, third kernel: every chunk again, now after everything before it, with its outputs.
//
// w, u [C], k, v [B, T, C].

override chunk: u32;

struct Sizes { T: u32, C: u32 }

@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read> u: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> starts: array<f32>; // m, a, b [3, B, M, C]
@group(0) @binding(5) var<storage, read_write> y: array<f32>; // [B, T, C]
@group(0) @binding(6) var<storage, read_write> lse: array<f32>; // [B, T, C]
@group(0) @binding(7) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let c = id.x;
  if (c >= n.C) { return; }
  let plane = groups.z * groups.y * n.C;
  let start = (id.z * groups.y + id.y) * n.C + c;
  var past = Sums(starts[start], starts[plane + start], starts[2 * plane + start]);
  for (var t = id.y * chunk; t < min((id.y + 1) * chunk, n.T); t++) {
    let at = (id.z * n.T + t) * n.C + c;
    let out = heard(past, u[c], k[at], v[at]);
    y[at] = out.x;
    lse[at] = out.y;
    past = joined(past, w[c], Sums(k[at], v[at], 1));
  }
}
