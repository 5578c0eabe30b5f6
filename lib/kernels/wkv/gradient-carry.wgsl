// WKV's gradient, second kernel: what everything behind a chunk hands back to its last position.

override chunk: u32;

struct Sizes { M: u32, C: u32 }

@group(0) @binding(0) var<storage, read> w: array<f32>; // [C]
@group(0) @binding(1) var<storage, read> ends: array<f32>; // q, g, s, dg, ds [5, B, M, C]
@group(0) @binding(2) var<storage, read_write> starts: array<f32>; // the same
@group(0) @binding(3) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let c = id.x;
  if (c >= n.C) { return; }
  let plane = groups.y * n.M * n.C;
  var later = Echo(NOTHING, 0, 0, 0, 0);
  for (var i = (id.y + 1) * n.M; i > id.y * n.M; i--) {
    let at = (i - 1) * n.C + c;
    starts[at] = later.q;
    starts[plane + at] = later.g;
    starts[2 * plane + at] = later.s;
    starts[3 * plane + at] = later.dg;
    starts[4 * plane + at] = later.ds;
    let own = Echo(ends[at], ends[plane + at], ends[2 * plane + at], ends[3 * plane + at], ends[4 * plane + at]);
    later = joined(later, w[c], f32(chunk), own);
  }
}
