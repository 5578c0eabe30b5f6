// The delta rule, rung 1: one invocation keeps one column of the state in registers and walks along T.
//
//   rest_t = v_t − S_{t−1}ᵀ k_t,   u_t = β_t rest_t,   S_t = S_{t−1} + k_t u_tᵀ,   o_t = S_tᵀ q_t             S [D, E]

override D: u32;

struct Sizes { T: u32, E: u32 }

@group(0) @binding(0) var<storage, read> q: array<f32>; // [N, T, D]
@group(0) @binding(1) var<storage, read> k: array<f32>; // [N, T, D]
@group(0) @binding(2) var<storage, read> v: array<f32>; // [N, T, E]
@group(0) @binding(3) var<storage, read> beta: array<f32>; // [N, T]
@group(0) @binding(4) var<storage, read_write> o: array<f32>; // [N, T, E]
@group(0) @binding(5) var<storage, read_write> u: array<f32>; // [N, T, E]
@group(0) @binding(6) var<storage, read_write> rest: array<f32>; // [N, T, E]
@group(0) @binding(7) var<uniform> n: Sizes;

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let e = id.x;
  if (e >= n.E) { return; }
  var S: array<f32, 128>;
  for (var d = 0u; d < D; d++) { S[d] = 0; }
  for (var t = 0u; t < n.T; t++) {
    let at = id.y * n.T + t;
    var known = 0.0;
    for (var d = 0u; d < D; d++) { known += S[d] * k[at * D + d]; }
    let missing = v[at * n.E + e] - known;
    let write = beta[at] * missing;
    var sum = 0.0;
    for (var d = 0u; d < D; d++) {
      let state = S[d] + k[at * D + d] * write;
      sum += state * q[at * D + d];
      S[d] = state;
    }
    o[at * n.E + e] = sum;
    u[at * n.E + e] = write;
    rest[at * n.E + e] = missing;
  }
}
