// Selective scan, rung 2, second kernel: from where each chunk would end to where each begins, in place. One invocation walks over
// the chunks of four states of one channel. Decays multiply, so a whole chunk's is e^(A ΣΔ).
//
// The walk waits for memory and little else: the ends of AHEAD chunks are read together, before the first start is written over them.
// The gradient brings a second set of states, behind the first, whose walk goes from the last chunk to the first.

override quads: u32; // N / 4

struct Sizes { M: u32, D: u32, batches: u32 } // M chunks

@group(0) @binding(0) var<storage, read> A: array<vec4f>; // [D, N], and what may lie behind it
@group(0) @binding(1) var<storage, read> steps: array<f32>; // [B, M, D]
@group(0) @binding(2) var<storage, read_write> states: array<vec4f>; // ends, then starts [1 or 2, B, M, N / 4, D]
@group(0) @binding(3) var<uniform> n: Sizes;

const AHEAD = 8u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let d = id.x;
  if (d >= n.D) { return; }
  let backwards = id.z >= n.batches;
  let a = A[d * quads + id.y];
  var h = vec4f(0);
  for (var done = 0u; done < n.M; done += AHEAD) {
    var at = array<u32, AHEAD>();
    var ends = array<vec4f, AHEAD>();
    var decays = array<vec4f, AHEAD>();
    for (var i = 0u; i < AHEAD; i++) {
      let chunk = min(done + i, n.M - 1);
      let m = select(chunk, n.M - 1 - chunk, backwards);
      at[i] = ((id.z * n.M + m) * quads + id.y) * n.D + d;
      ends[i] = states[at[i]];
      decays[i] = exp(steps[(id.z % n.batches * n.M + m) * n.D + d] * a);
    }
    for (var i = 0u; i < AHEAD; i++) {
      if (done + i < n.M) {
        states[at[i]] = h;
        h = decays[i] * h + ends[i];
      }
    }
  }
}
