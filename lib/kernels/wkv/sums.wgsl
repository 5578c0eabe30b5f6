// What is known of a text, and how two texts make one. Prefixed to WKV's kernels.

const NOTHING = -1e38; // below every key, and finite

/// Σ e^(k−m) v and Σ e^(k−m) over positions, with decayed keys k of which m is the largest.
struct Sums { m: f32, a: f32, b: f32 }

/// The earlier text, its keys lower by now, and the later one. m + decay would lose the digits of a small decay: subtract first.
fn joined(earlier: Sums, decay: f32, later: Sums) -> Sums {
  let m = max(earlier.m + decay, later.m);
  let old = exp(earlier.m - m + decay);
  let young = exp(later.m - m);
  return Sums(m, old * earlier.a + young * later.a, old * earlier.b + young * later.b);
}

/// What a position puts out, and the logarithm of its weights' sum: the past as it stands, and its own token with its bonus.
fn heard(past: Sums, bonus: f32, k: f32, v: f32) -> vec2f {
  let all = joined(past, 0, Sums(k + bonus, v, 1));
  return vec2f(all.a / all.b, all.m + log(all.b));
}
