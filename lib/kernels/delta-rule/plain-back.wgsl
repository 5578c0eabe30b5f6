// The gradient of the delta rule with respect to u, rung 1: one invocation keeps one column of dS in registers and walks back.
//
//   dS_t ← dS_t + q_t do_tᵀ,   du_t = dS_tᵀ k_t,   dS_{t−1} = dS_t − β_t k_t du_tᵀ                              dS [D, E]

override D: u32;

struct Sizes { T: u32, E: u32 }

@group(0) @binding(0) var<storage, read> q: array<f32>; // [N, T, D]
@group(0) @binding(1) var<storage, read> k: array<f32>; // [N, T, D]
@group(0) @binding(2) var<storage, read> beta: array<f32>; // [N, T]
@group(0) @binding(3) var<storage, read> dO: array<f32>; // [N, T, E]
@group(0) @binding(4) var<storage, read_write> du: array<f32>; // [N, T, E]
@group(0) @binding(5) var<uniform> n: Sizes;

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let e = id.x;
  if (e >= n.E) { return; }
  var dS: array<f32, 128>;
  for (var d = 0u; d < D; d++) { dS[d] = 0; }
  for (var step = 0u; step < n.T; step++) {
    let at = id.y * n.T + (n.T - 1 - step);
    let out = dO[at * n.E + e];
    var sum = 0.0;
    for (var d = 0u; d < D; d++) {
      let grown = dS[d] + q[at * D + d] * out;
      sum += grown * k[at * D + d];
      dS[d] = grown;
    }
    for (var d = 0u; d < D; d++) { dS[d] -= beta[at] * k[at * D + d] * sum; }
    du[at * n.E + e] = sum;
  }
}
