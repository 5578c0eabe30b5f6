// Selective scan, rung 2, third kernel: every chunk again, now from where it really begins, with its outputs.
//
// x, delta [B, T, D], A [D, N], B, C [B, T, N], starts [B, M, N / 4, D].

override quads: u32; // N / 4
override chunk: u32;

struct Sizes { T: u32, D: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> delta: array<f32>;
@group(0) @binding(2) var<storage, read> A: array<vec4f>;
@group(0) @binding(3) var<storage, read> B: array<vec4f>;
@group(0) @binding(4) var<storage, read> C: array<vec4f>;
@group(0) @binding(5) var<storage, read> starts: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>; // [B, T, D]
@group(0) @binding(7) var<uniform> n: Sizes;

const WIDTH = 64u;
const TILE = 16u;

var<workgroup> tileB: array<vec4f, TILE * quads>;
var<workgroup> tileC: array<vec4f, TILE * quads>;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let d = group.x * WIDTH + lane;
  let inside = d < n.D;
  let end = group.z * n.T + min((group.y + 1) * chunk, n.T);

  var h: array<vec4f, 8>;
  var a: array<vec4f, 8>;
  for (var i = 0u; i < quads; i++) {
    let near = min(d, n.D - 1);
    a[i] = A[near * quads + i];
    h[i] = starts[((group.z * groups.y + group.y) * quads + i) * n.D + near];
  }
  for (var base = group.z * n.T + group.y * chunk; base < end; base += TILE) {
    let size = min(TILE, end - base);
    workgroupBarrier();
    for (var i = lane; i < size * quads; i += WIDTH) {
      tileB[i] = B[base * quads + i];
      tileC[i] = C[base * quads + i];
    }
    workgroupBarrier();
    for (var row = 0u; row < size; row++) {
      let at = (base + row) * n.D + d;
      if (!inside) { continue; }
      let step = delta[at];
      let value = x[at];
      var sum = 0.0;
      for (var i = 0u; i < quads; i++) {
        let z = step * a[i];
        h[i] = exp(z) * h[i] + hold(step, z) * tileB[row * quads + i] * value;
        sum += dot(tileC[row * quads + i], h[i]);
      }
      y[at] = sum;
    }
  }
}
