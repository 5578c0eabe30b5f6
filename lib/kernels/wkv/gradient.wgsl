// WKV's gradient, third kernel: every chunk from its last position to its first, with what everything behind it hands back. With
// P = e^(k_i + q) for the later positions and e^(u + k_i − lse_i) for the own one:
//
//   dv = P g + P_own dy,   dk = P (g v − s) + P_own dy (v − y),   du = Σ P_own dy (v − y),   dw = Σ P (dg v − ds)
//
// Measured as in plain.wgsl: 217 ms with the forward pass.
//
// Nothing of the forward pass is computed again; y and lse were kept. A chunk's dw and du take the place of the numbers that it began
// with, which nobody else reads. k, v, lse, y, dy [B, T, C].

override chunk: u32;

struct Sizes { T: u32, C: u32 }

@group(0) @binding(0) var<storage, read> k: array<f32>;
@group(0) @binding(1) var<storage, read> v: array<f32>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read> y: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> states: array<f32>; // q, g, s, dg, ds, w, u [7, B, M, C]; then dw, du in the first two
@group(0) @binding(6) var<storage, read_write> dk: array<f32>;
@group(0) @binding(7) var<storage, read_write> dv: array<f32>;
@group(0) @binding(8) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let c = id.x;
  if (c >= n.C) { return; }
  let plane = groups.z * groups.y * n.C;
  let start = (id.z * groups.y + id.y) * n.C + c;
  var later = Echo(
    states[start],
    states[plane + start],
    states[2 * plane + start],
    states[3 * plane + start],
    states[4 * plane + start],
  );
  let w = states[5 * plane + start];
  let u = states[6 * plane + start];
  var dw = 0.0;
  var du = 0.0;
  for (var t = min((id.y + 1) * chunk, n.T); t > id.y * chunk; t--) {
    let at = (id.z * n.T + t - 1) * n.C + c;
    let P = exp(k[at] + later.q);
    let own = exp(u + k[at] - lse[at]) * dy[at];
    dv[at] = P * later.g + own;
    dk[at] = P * (later.g * v[at] - later.s) + own * (v[at] - y[at]);
    du += own * (v[at] - y[at]);
    dw += P * (later.dg * v[at] - later.ds);
    later = joined(later, w, 1, echo(lse[at], y[at], dy[at]));
  }
  states[start] = dw;
  states[plane + start] = du;
}
