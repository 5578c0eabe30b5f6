// WKV's gradient, second kernel: what everything behind a chunk hands back to its last position, in place of what the chunk hands back.
// Reads ahead as carry.wgsl does.

override chunk: u32;

struct Sizes { M: u32, C: u32 }

@group(0) @binding(0) var<storage, read> w: array<f32>; // [C]
@group(0) @binding(1) var<storage, read_write> states: array<f32>; // ends, then starts: q, g, s, dg, ds [5 of 7, B, M, C]
@group(0) @binding(2) var<uniform> n: Sizes;

const AHEAD = 8u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let c = id.x;
  if (c >= n.C) { return; }
  let plane = groups.y * n.M * n.C;
  var later = Echo(NOTHING, 0, 0, 0, 0);
  for (var done = 0u; done < n.M; done += AHEAD) {
    var own = array<Echo, AHEAD>();
    for (var i = 0u; i < AHEAD; i++) {
      let at = ((id.y + 1) * n.M - 1 - min(done + i, n.M - 1)) * n.C + c;
      own[i] = Echo(states[at], states[plane + at], states[2 * plane + at], states[3 * plane + at], states[4 * plane + at]);
    }
    for (var i = 0u; i < AHEAD; i++) {
      if (done + i < n.M) {
        let at = ((id.y + 1) * n.M - 1 - done - i) * n.C + c;
        states[at] = later.q;
        states[plane + at] = later.g;
        states[2 * plane + at] = later.s;
        states[3 * plane + at] = later.dg;
        states[4 * plane + at] = later.ds;
        later = joined(later, w[c], f32(chunk), own[i]);
      }
    }
  }
}
