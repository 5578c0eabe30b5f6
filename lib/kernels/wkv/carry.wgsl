// WKV, rung 2, second kernel: from each chunk's own sums to those of everything before it. One invocation walks over the M chunks
// of one channel.

override chunk: u32;

struct Sizes { M: u32, C: u32 }

@group(0) @binding(0) var<storage, read> w: array<f32>; // [C]
@group(0) @binding(1) var<storage, read> ends: array<f32>; // m, a, b [3, B, M, C]
@group(0) @binding(2) var<storage, read_write> starts: array<f32>; // the same
@group(0) @binding(3) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let c = id.x;
  if (c >= n.C) { return; }
  let plane = groups.y * n.M * n.C;
  var past = Sums(NOTHING, 0, 0);
  for (var i = id.y * n.M; i < (id.y + 1) * n.M; i++) {
    let at = i * n.C + c;
    starts[at] = past.m;
    starts[plane + at] = past.a;
    starts[2 * plane + at] = past.b;
    past = joined(past, w[c] * f32(chunk), Sums(ends[at], ends[plane + at], ends[2 * plane + at]));
  }
}
