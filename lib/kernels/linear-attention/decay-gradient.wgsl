// The gradient of log decays: dg_t = Σ_{u ≥ t} (q_u ∘ dq_u − k_u ∘ dk_u), channel by channel.
//
// A workgroup has 16 channels of a head and cuts T into 16 parts: each invocation sums its part, learns from workgroup memory what
// the later parts sum to, and walks its part once more. One kernel in place of tfjs's products and cumsum, whose version for
// `webgpu` gave wrong sums on SwiftShader and lavapipe (tfjs 4.22, T = 65, 2026-11-28).

struct Sizes { T: u32, D: u32 }

@group(0) @binding(0) var<storage, read> q: array<f32>; // [N, T, D]
@group(0) @binding(1) var<storage, read> dq: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> dk: array<f32>;
@group(0) @binding(4) var<storage, read_write> dg: array<f32>; // [N, T, D]
@group(0) @binding(5) var<uniform> n: Sizes;

const CHANNELS = 16u;
const PARTS = 16u;
var<workgroup> totals: array<f32, CHANNELS * PARTS>;

fn share(at: u32) -> f32 { return q[at] * dq[at] - k[at] * dk[at]; }

@compute @workgroup_size(CHANNELS * PARTS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
  let lane = index % CHANNELS;
  let part = index / CHANNELS;
  let channel = group.x * CHANNELS + lane;
  let length = (n.T + PARTS - 1) / PARTS;
  let begin = part * length;
  let end = select(min(begin + length, n.T), begin, channel >= n.D);
  let base = group.y * n.T * n.D + channel;
  var total = 0.0;
  for (var t = begin; t < end; t++) { total += share(base + t * n.D); }
  totals[index] = total;
  workgroupBarrier();
  var sum = 0.0;
  for (var later = part + 1; later < PARTS; later++) { sum += totals[later * CHANNELS + lane]; }
  for (var t = end; t > begin; t--) {
    sum += share(base + (t - 1) * n.D);
    dg[base + (t - 1) * n.D] = sum;
  }
}
