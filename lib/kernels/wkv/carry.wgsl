// WKV, rung 2, second kernel: from each chunk's own sums to those of everything before it, in place. One invocation walks over the M
// chunks of one channel, and reads AHEAD of them together, before the first is written over: the walk waits for memory most of all.

override chunk: u32;

struct Sizes { M: u32, C: u32 }

@group(0) @binding(0) var<storage, read> w: array<f32>; // [C]
@group(0) @binding(1) var<storage, read_write> states: array<f32>; // ends, then starts: m, a, b [3, B, M, C]
@group(0) @binding(2) var<uniform> n: Sizes;

const AHEAD = 8u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let c = id.x;
  if (c >= n.C) { return; }
  let plane = groups.y * n.M * n.C;
  var past = Sums(NOTHING, 0, 0);
  for (var done = 0u; done < n.M; done += AHEAD) {
    var own = array<Sums, AHEAD>();
    for (var i = 0u; i < AHEAD; i++) {
      let at = (id.y * n.M + min(done + i, n.M - 1)) * n.C + c;
      own[i] = Sums(states[at], states[plane + at], states[2 * plane + at]);
    }
    for (var i = 0u; i < AHEAD; i++) {
      if (done + i < n.M) {
        let at = (id.y * n.M + done + i) * n.C + c;
        states[at] = past.m;
        states[plane + at] = past.a;
        states[2 * plane + at] = past.b;
        past = joined(past, w[c] * f32(chunk), own[i]);
      }
    }
  }
}
