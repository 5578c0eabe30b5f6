// A scan of outer products, rung 1: one invocation keeps one row of the state in registers and walks along T.
//
//   R_t = diag(a_t) R_{t−1} + w_t m_tᵀ,   y_t = R_t r_t,   a = exp(g)                     R [I, J], per head n of N
//
// Linear attention with decay is this with w = v, m = k, r = q; so is each of its gradients, in one direction of time or the other.
// The decay belongs to columns j (forward) or to rows i (gradients of q and k): `decayOnRow`. `reverse` runs from
// the end, where the step from t + 1 to t decays by a_{t+1}. `exclusive` reads before it adds.
// Reads (2 J + 1) T numbers for I·J·T·2 multiply-adds; parallel over N·I rows only, and T steps one after the other.
// Measured on software Vulkan (SwiftShader on 2 cores, 2026-11-24; no GPU was at hand), T = 256, I = J = 64: 10 times as fast as the composition.

override J: u32;
override decayOnRow: bool;
override reverse: bool;
override exclusive: bool;

struct Sizes { N: u32, H: u32, T: u32, I: u32, gB: u32, gH: u32, gT: u32, gC: u32 }

@group(0) @binding(0) var<storage, read> w: array<f32>; // [N, T, I]
@group(0) @binding(1) var<storage, read> m: array<f32>; // [N, T, J]
@group(0) @binding(2) var<storage, read> r: array<f32>; // [N, T, J]
@group(0) @binding(3) var<storage, read> g: array<f32>; // log decays, by strides
@group(0) @binding(4) var<storage, read_write> y: array<f32>; // [N, T, I]
@group(0) @binding(5) var<uniform> n: Sizes;

fn decay(head: u32, t: u32, channel: u32) -> f32 {
  return exp(g[(head / n.H) * n.gB + (head % n.H) * n.gH + t * n.gT + channel * n.gC]);
}

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  let head = id.y;
  if (i >= n.I) { return; }
  var R: array<f32, 128>;
  for (var j = 0u; j < J; j++) { R[j] = 0; }
  for (var step = 0u; step < n.T; step++) {
    let t = select(step, n.T - 1 - step, reverse);
    let at = head * n.T + t;
    let faded = min(select(t, t + 1, reverse), n.T - 1); // at the first step R is zero, and any decay will do
    let write = w[at * n.I + i];
    var rowDecay = 1.0;
    if (decayOnRow) { rowDecay = decay(head, faded, i); }
    var sum = 0.0;
    for (var j = 0u; j < J; j++) {
      var a = rowDecay;
      if (!decayOnRow) { a = decay(head, faded, j); }
      let before = a * R[j];
      let after = before + write * m[at * J + j];
      sum += select(after, before, exclusive) * r[at * J + j];
      R[j] = after;
    }
    y[at * n.I + i] = sum;
  }
}
