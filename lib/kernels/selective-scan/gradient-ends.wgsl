// Selective scan, gradient, first of three kernels: what each chunk of 16 positions hands on to the next one, had it begun with
// nothing, and what it hands back to the one before, had nothing come from behind.
//
//   forwards:   h ← e^(Δ A) h + hold(Δ, A) B x
//   backwards:  r = Σ_t p_t C dy with p_t, what decays from the chunk's beginning up to t: p ← e^(Δ A) p
//
// One walk computes both, from one read of Δ and one exponential a state; a walk backwards would need another of each.
//
// x, delta, dy [B, T, D]; parameters: A [D, N], then B, then C [B, T, N].

override quads: u32; // N / 4

struct Sizes { T: u32, D: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> delta: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> parameters: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> ends: array<vec4f>; // h, then r [2, B, M, N / 4, D]
@group(0) @binding(5) var<storage, read_write> steps: array<f32>; // ΣΔ of each chunk, [B, M, D]
@group(0) @binding(6) var<uniform> n: Sizes;

const WIDTH = 64u;
const CHUNK = 16u;

var<workgroup> tileB: array<vec4f, CHUNK * quads>;
var<workgroup> tileC: array<vec4f, CHUNK * quads>;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let d = group.x * WIDTH + lane;
  let first = group.y * CHUNK;
  let size = min(CHUNK, n.T - first);
  let base = group.z * n.T + first;
  for (var i = lane; i < size * quads; i += WIDTH) {
    tileB[i] = parameters[(n.D + base) * quads + i];
    tileC[i] = parameters[(n.D + groups.z * n.T + base) * quads + i];
  }
  workgroupBarrier();
  if (d >= n.D) { return; }

  var a: array<vec4f, 8>;
  var h: array<vec4f, 8>; // zero
  var r: array<vec4f, 8>;
  var p: array<vec4f, 8>;
  for (var i = 0u; i < quads; i++) {
    a[i] = parameters[d * quads + i];
    p[i] = vec4f(1);
  }
  var total = 0.0;
  for (var row = 0u; row < size; row++) {
    let at = (base + row) * n.D + d;
    let step = delta[at];
    let value = x[at];
    let given = dy[at];
    total += step;
    for (var i = 0u; i < quads; i++) {
      let z = step * a[i];
      let decay = exp(z);
      h[i] = decay * h[i] + hold(step, z) * tileB[row * quads + i] * value;
      p[i] *= decay;
      r[i] += p[i] * given * tileC[row * quads + i];
    }
  }
  let block = group.z * groups.y + group.y;
  let plane = groups.z * groups.y * quads * n.D;
  steps[block * n.D + d] = total;
  for (var i = 0u; i < quads; i++) {
    let at = (block * quads + i) * n.D + d;
    ends[at] = h[i];
    ends[plane + at] = r[i];
  }
}
