// The most bytes that a kernel can move: each invocation copies vec4s, one grid apart, and computes nothing.
//
// x, y [4 · n.vectors]

struct Sizes { vectors: u32, invocations: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> n: Sizes;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  for (var i = id.x; i < n.vectors; i += n.invocations) { y[i] = x[i]; }
}
