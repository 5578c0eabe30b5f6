// Selective scan, rung 2, second kernel: from where each chunk would end to where each begins. One invocation walks over the
// chunks of four states of one channel. Decays multiply, so a whole chunk's is e^(A ΣΔ).

override quads: u32; // N / 4
override backwards: bool;

struct Sizes { M: u32, D: u32 } // M chunks

@group(0) @binding(0) var<storage, read> A: array<vec4f>; // [D, N]
@group(0) @binding(1) var<storage, read> steps: array<f32>; // [B, M, D]
@group(0) @binding(2) var<storage, read> ends: array<vec4f>; // [B, M, N / 4, D]
@group(0) @binding(3) var<storage, read_write> starts: array<vec4f>; // [B, M, N / 4, D]
@group(0) @binding(4) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let d = id.x;
  if (d >= n.D) { return; }
  let a = A[d * quads + id.y];
  var h = vec4f(0);
  for (var i = 0u; i < n.M; i++) {
    let block = id.z * n.M + select(i, n.M - 1 - i, backwards);
    let at = (block * quads + id.y) * n.D + d;
    starts[at] = h;
    h = exp(steps[block * n.D + d] * a) * h + ends[at];
  }
}
