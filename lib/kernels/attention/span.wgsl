// Who sees whom: query t stands at position t + S − T of the keys and sees those from `before` positions back to `after` ahead,
// where the mask allows it. (Causal: after = 0. A sliding window: both are its radius.) Tiles that nobody sees are never walked.

struct Sizes {
  B: u32, H: u32, G: u32, T: u32, S: u32, D: u32, E: u32, scale: f32,
  before: u32, after: u32, biased: u32, masked: u32,
  maskAt: u32, // where the mask starts in `told`
  biasB: u32, biasH: u32, biasT: u32, biasS: u32,
  maskB: u32, maskH: u32, maskT: u32, maskS: u32,
}

override byKeys: bool = false; // the rows of the kernel are keys, which walk over queries

// The bias as bits and the mask, behind one another where there are both: a binding for each would be one more than WebGPU
// promises the gradients. Each is broadcast to [B, H, T, S]: stride 0 where it repeats.
@group(0) @binding(3) var<storage, read> told: array<u32>;

/// Where the rows of a head of a tensor [B, heads, length, ·] lie: the first, and the step to the next.
fn places(b: u32, h: u32, heads: u32, length: u32) -> vec2u {
  return vec2u((b * heads + h) * length, 1);
}

/// First and last + 1 of what some of `own` (first, last + 1) may see, or be seen by.
fn span(own: vec2u) -> vec2u {
  let mine = select(n.T, n.S, byKeys);
  let others = select(n.S, n.T, byKeys);
  let back = mine + select(n.before, n.after, byKeys);
  let end = own.y + others + select(n.after, n.before, byKeys);
  return vec2u(own.x + others - min(own.x + others, back), min(others, end - min(end, mine)));
}

/// How many tiles `own` walks over.
fn walk(own: vec2u) -> u32 {
  let seen = span(own);
  return (seen.y - min(seen.x, seen.y) + TILE - 1) / TILE;
}

/// First and last + 1 of the i-th of them.
fn tileAt(own: vec2u, i: u32) -> vec2u {
  let seen = span(own);
  return vec2u(seen.x + i * TILE, min(seen.x + (i + 1) * TILE, seen.y));
}

/// True where every query among them sees every key, and nothing is added.
fn open(own: vec2u, tile: vec2u) -> bool {
  let t = select(own, tile, byKeys);
  let s = select(tile, own, byKeys);
  return n.biased + n.masked == 0 && s.x + n.T + n.before + 1 >= t.y + n.S && s.y + n.T <= t.x + n.S + n.after + 1;
}

/// The score with its bias, NOTHING where t does not see s.
fn judged(score: f32, b: u32, h: u32, t: u32, s: u32) -> f32 {
  if (s + n.T + n.before < t + n.S || s + n.T > t + n.S + n.after) { return NOTHING; }
  if (n.masked != 0 && told[n.maskAt + b * n.maskB + h * n.maskH + t * n.maskT + s * n.maskS] == 0) { return NOTHING; }
  if (n.biased == 0) { return score; }
  return score + bitcast<f32>(told[b * n.biasB + h * n.biasH + t * n.biasT + s * n.biasS]);
}
