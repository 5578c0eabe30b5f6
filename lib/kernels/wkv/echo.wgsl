// What later positions hand back to earlier ones, and how two such messages make one. Prefixed to the kernels of WKV's gradient.
//
// Position t weighs an earlier token i by P = e^((t−1−i) w + k_i − lse_t). What depends on t alone is summed from the end:
//
//   g = Σ_t e^((t−1−i) w − lse_t) dy_t,   s = Σ_t e^((t−1−i) w − lse_t) dy_t y_t,   and dg, ds, their derivatives by w
//
// all relative to e^q, q the largest exponent: a scan like that of the forward pass, run backwards, with −lse for a key.

const NOTHING = -1e38; // below every exponent, and finite

struct Echo { q: f32, g: f32, s: f32, dg: f32, ds: f32 }

/// The message of later positions, `steps` positions further back, and that of nearer ones.
fn joined(later: Echo, w: f32, steps: f32, near: Echo) -> Echo {
  let decay = w * steps;
  let q = max(later.q + decay, near.q);
  let old = exp(later.q - q + decay);
  let young = exp(near.q - q);
  return Echo(
    q,
    old * later.g + young * near.g,
    old * later.s + young * near.s,
    old * (later.dg + steps * later.g) + young * near.dg,
    old * (later.ds + steps * later.s) + young * near.ds,
  );
}

fn echo(lse: f32, y: f32, dy: f32) -> Echo { return Echo(-lse, dy, dy * y, 0, 0); }
