// What a step Δ makes of A and B, for four states at once, with z = Δ A: h ← e^z h + hold B x. Appended to the scan's kernels.
//
// Euler: hold = Δ. Zero-order hold: hold = (e^z − 1) / A = Δ (e^z − 1) / z. WGSL has no expm1: for a small z its series, of
// which the terms left out are below a float32's rounding.

override zeroOrder: bool;

const NEAR = vec4f(1);

fn hold(step: f32, z: vec4f) -> vec4f {
  if (!zeroOrder) { return vec4f(step); }
  var near = z / 3628800; // Σ z^k / (k + 1)!
  near = z * (1.0 / 720 + z * (1.0 / 5040 + z * (1.0 / 40320 + z * (1.0 / 362880 + near))));
  near = 1 + z * (1.0 / 2 + z * (1.0 / 6 + z * (1.0 / 24 + z * (1.0 / 120 + near))));
  let far = (exp(z) - 1) / select(z, vec4f(1), z == vec4f(0));
  return step * select(far, near, abs(z) < NEAR);
}

/// d hold / dΔ
fn holdByStep(z: vec4f) -> vec4f {
  if (!zeroOrder) { return vec4f(1); }
  return exp(z);
}

/// d hold / dA = Δ² (z e^z − e^z + 1) / z²
fn holdByA(step: f32, z: vec4f) -> vec4f {
  if (!zeroOrder) { return vec4f(0); }
  var near = z / 3991680; // Σ (k + 1) z^k / (k + 2)!
  near = z * (1.0 / 840 + z * (1.0 / 5760 + z * (1.0 / 45360 + z * (1.0 / 403200 + near))));
  near = 1.0 / 2 + z * (1.0 / 3 + z * (1.0 / 8 + z * (1.0 / 30 + z * (1.0 / 144 + near))));
  let e = exp(z);
  let far = (z * e - e + 1) / select(z * z, vec4f(1), z == vec4f(0));
  return step * step * select(far, near, abs(z) < NEAR);
}
