// What the gradients of attention know of each row, side by side: its log-sum-exp, and δ = rowsum(dO ∘ O) less what comes in for the
// log-sum-exp itself. Two numbers in one binding: the gradient of keys and values has no ninth to give.
//
// Sixteen lanes take a row, neighbours reading neighbours; rows are [B, H, T] or [N, H], whatever they are.

struct Sizes { rows: u32, E: u32 }

@group(0) @binding(0) var<storage, read> dOut: array<f32>; // [rows, E]
@group(0) @binding(1) var<storage, read> out: array<f32>; // [rows, E]
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read> dLse: array<f32>;
@group(0) @binding(4) var<storage, read_write> rows: array<vec2f>;
@group(0) @binding(5) var<uniform> n: Sizes;

const LANES = 16u;

var<workgroup> shares: array<f32, 256>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) all: vec3u,
  @builtin(local_invocation_index) i: u32,
) {
  let row = (id.y * all.x + id.x) * (256 / LANES) + i / LANES;
  let lane = i % LANES;
  var share = 0.0;
  if (row < n.rows) {
    for (var e = lane; e < n.E; e += LANES) { share += dOut[row * n.E + e] * out[row * n.E + e]; }
  }
  shares[i] = share;
  workgroupBarrier();
  if (row >= n.rows || lane != 0) { return; }
  var sum = 0.0;
  for (var j = 0u; j < LANES; j++) { sum += shares[i + j]; }
  rows[row] = vec2f(lse[row], sum - dLse[row]);
}
