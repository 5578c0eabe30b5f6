enable subgroups;
requires subgroup_id;

// Selective scan, rung 3: rung 1 with the states of a channel spread over the four lanes of a quad. Four times as many invocations have
// work, each with a quarter of the exponentials, and nothing is computed twice as on rung 2: the rung for many channels.
//
// Lanes read four positions at once, before they compute any, so that as many reads are under way together. A quad's lanes read the same
// x and Δ, and neighbouring quads those of neighbouring channels: whole sectors of 32 bytes from 8 channels on. Four positions' sums
// C · h cross the quad in two exchanges, of which each lane keeps one position's: three shuffles where four sums would take eight.
//
// Invocations are numbered by subgroup, as WGSL does not say how subgroups cut a workgroup. Needs subgroups of at least 4.
// x, delta [B, T, D], A [D, N], B, C [B, T, N] as vectors of four states each. (hold.wgsl, appended.)

override quads: u32; // N / 4

struct Sizes { T: u32, D: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> delta: array<f32>;
@group(0) @binding(2) var<storage, read> A: array<vec4f>;
@group(0) @binding(3) var<storage, read> B: array<vec4f>;
@group(0) @binding(4) var<storage, read> C: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>; // [B, T, D]
@group(0) @binding(6) var<uniform> n: Sizes;

const LANES = 4u;
const CHANNELS = 16u; // of a workgroup
const AHEAD = 4u; // positions at once, one for each lane to write

override held = (quads + LANES - 1) / LANES; // vectors of four states in each lane: 1 or 2

@compute @workgroup_size(CHANNELS * LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_size) subgroupSize: u32,
  @builtin(subgroup_invocation_id) inSubgroup: u32,
) {
  let id = subgroup * subgroupSize + inSubgroup;
  let lane = id % LANES;
  let d = group.x * CHANNELS + id / LANES;
  let near = min(d, n.D - 1);
  let first = group.y * n.T;

  var a: array<vec4f, 2>;
  var h: array<vec4f, 2>; // zero
  for (var j = 0u; j < held; j++) { a[j] = A[near * quads + min(lane + LANES * j, quads - 1)]; }
  for (var t = 0u; t < n.T; t += AHEAD) {
    var step = array<f32, AHEAD>();
    var value = array<f32, AHEAD>();
    var b = array<vec4f, 2 * AHEAD>();
    var c = array<vec4f, 2 * AHEAD>();
    for (var i = 0u; i < AHEAD; i++) {
      let row = first + min(t + i, n.T - 1);
      step[i] = delta[row * n.D + near];
      value[i] = x[row * n.D + near];
      for (var j = 0u; j < held; j++) {
        let quad = lane + LANES * j;
        let at = row * quads + min(quad, quads - 1);
        b[2 * i + j] = B[at];
        // A lane without states of its own repeats the last ones, unheard.
        c[2 * i + j] = select(vec4f(), C[at], quad < quads);
      }
    }
    var sums = array<f32, AHEAD>();
    for (var i = 0u; i < AHEAD; i++) {
      for (var j = 0u; j < held; j++) {
        let z = step[i] * a[j];
        h[j] = exp(z) * h[j] + hold(step[i], z) * b[2 * i + j] * value[i];
        sums[i] += dot(c[2 * i + j], h[j]);
      }
    }
    // Lanes 0 and 2 keep positions 0 and 2, lanes 1 and 3 positions 1 and 3; then each its own.
    let odd = lane % 2 == 1;
    let even = vec2f(sums[0], sums[2]);
    let uneven = vec2f(sums[1], sums[3]);
    let pair = select(even, uneven, odd) + quadSwapX(select(uneven, even, odd));
    let upper = lane >= 2;
    let sum = select(pair.x, pair.y, upper) + quadSwapY(select(pair.y, pair.x, upper));
    if (d < n.D && t + lane < n.T) { y[(first + t + lane) * n.D + d] = sum; }
  }
}
