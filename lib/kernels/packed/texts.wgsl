// Who sees whom in packed attention: a token sees the tokens of its own text, causally those up to itself. Tokens lie behind one
// another without padding, their heads inside of them. Rows of one workgroup may belong to several texts, and walk over all of these: about as
// many tiles as if each text had workgroups of its own, and no row idles.
//
// Gain of attention's kernels over those of packed attention that stood here, which had one query for four lanes: software Vulkan
// (SwiftShader, a busy machine, four texts of 16 to 128 tokens, D = 64) takes 45 and 56 ms in two runs, for 51 to 152.

struct Sizes {
  B: u32, H: u32, G: u32, T: u32, S: u32, D: u32, E: u32, scale: f32,
  causal: u32,
}

override byKeys: bool = false; // the rows of the kernel are keys, which walk over queries

@group(0) @binding(3) var<storage, read> texts: array<vec2u>; // of each token: first and last + 1 of its text

/// Where the rows of a head of a tensor [length, heads, ·] lie: the first, and the step to the next.
fn places(_b: u32, h: u32, heads: u32, _length: u32) -> vec2u {
  return vec2u(h, heads);
}

/// First and last + 1 of what some of `own` see, or are seen by.
fn reach(own: vec2u) -> vec2u {
  let whole = vec2u(texts[own.x].x, texts[own.y - 1].y);
  if (n.causal == 0) { return whole; }
  return select(vec2u(whole.x, own.y), vec2u(own.x, whole.y), byKeys);
}

/// How many tiles `own` walks over.
fn walk(own: vec2u) -> u32 {
  let seen = reach(own);
  return (seen.y - seen.x + TILE - 1) / TILE;
}

/// First and last + 1 of the i-th of them.
fn tileAt(own: vec2u, i: u32) -> vec2u {
  let seen = reach(own);
  return vec2u(seen.x + i * TILE, min(seen.x + (i + 1) * TILE, seen.y));
}

/// True where every query among them sees every key: rows of one text walk over this text alone.
fn open(own: vec2u, tile: vec2u) -> bool {
  let t = select(own, tile, byKeys);
  let s = select(tile, own, byKeys);
  return own.y <= texts[own.x].y && (n.causal == 0 || s.y <= t.x + 1);
}

/// The score, NOTHING where t does not see s.
fn judged(score: f32, _b: u32, _h: u32, t: u32, s: u32) -> f32 {
  let text = texts[t];
  if (s < text.x || s >= text.y || (n.causal != 0 && s > t)) { return NOTHING; }
  return score;
}
