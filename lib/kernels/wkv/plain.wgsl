// WKV, rung 1: one invocation walks over all positions of one channel, with its sums and their running maximum in registers.
//
// Measured on software Vulkan (SwiftShader, two shared cores, no GPU at hand) at B = 1, T = 4096, C = 256: 110 ms.
//
// w, u [C], k, v [B, T, C].

struct Sizes { T: u32, C: u32 }

@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read> u: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>; // [B, T, C]
@group(0) @binding(5) var<storage, read_write> lse: array<f32>; // [B, T, C]
@group(0) @binding(6) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= n.C) { return; }
  var past = Sums(NOTHING, 0, 0);
  for (var t = id.y * n.T; t < (id.y + 1) * n.T; t++) {
    let at = t * n.C + c;
    let out = heard(past, u[c], k[at], v[at]);
    y[at] = out.x;
    lse[at] = out.y;
    past = joined(past, w[c], Sums(k[at], v[at], 1));
  }
}
