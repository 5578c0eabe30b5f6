// Selective scan, rung 2, first of three kernels: where each chunk of positions would end, had it begun with nothing.
//
// All chunks run side by side, so that T / chunk times as many invocations have work as on rung 1. 64 neighbouring channels share
// a workgroup, which reads B once for all of them. The three kernels compute every state twice, and what they store between them
// is N / chunk numbers a position and channel. Where two cores are full with 64 invocations, that does not pay: 166 ms for the 142 ms
// of rung 1 (measured as there). It is for GPUs, which need thousands.
//
//   h ← e^(Δ A) h + hold(Δ, A) B x
//
// x, delta [B, T, D]; A [D, N]; B [B, T, N].

override quads: u32; // N / 4
override chunk: u32; // a multiple of TILE

struct Sizes { T: u32, D: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> delta: array<f32>;
@group(0) @binding(2) var<storage, read> A: array<vec4f>;
@group(0) @binding(3) var<storage, read> B: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> ends: array<vec4f>; // [B, M, N / 4, D]
@group(0) @binding(5) var<storage, read_write> steps: array<f32>; // ΣΔ of each chunk, [B, M, D]
@group(0) @binding(6) var<uniform> n: Sizes;

const WIDTH = 64u;
const TILE = 16u;

var<workgroup> tile: array<vec4f, TILE * quads>;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let d = group.x * WIDTH + lane;
  let inside = d < n.D;
  let end = group.z * n.T + min((group.y + 1) * chunk, n.T);

  var h: array<vec4f, 8>; // zero
  var a: array<vec4f, 8>;
  for (var i = 0u; i < quads; i++) { a[i] = A[min(d, n.D - 1) * quads + i]; }
  var total = 0.0;
  for (var base = group.z * n.T + group.y * chunk; base < end; base += TILE) {
    let size = min(TILE, end - base);
    workgroupBarrier();
    for (var i = lane; i < size * quads; i += WIDTH) { tile[i] = B[base * quads + i]; }
    workgroupBarrier();
    for (var row = 0u; row < size; row++) {
      let at = (base + row) * n.D + d;
      if (!inside) { continue; }
      let step = delta[at];
      let value = x[at];
      total += step;
      for (var i = 0u; i < quads; i++) {
        let z = step * a[i];
        h[i] = exp(z) * h[i] + hold(step, z) * tile[row * quads + i] * value;
      }
    }
  }
  if (!inside) { return; }
  let block = group.z * groups.y + group.y;
  steps[block * n.D + d] = total;
  for (var i = 0u; i < quads; i++) { ends[(block * quads + i) * n.D + d] = h[i]; }
}
