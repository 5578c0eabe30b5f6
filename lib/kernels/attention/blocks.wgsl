// Who sees whom in block-sparse attention: the rows of one block walk over the blocks in its list (block-list.wgsl), and under a causal
// mask query t sees keys up to t + S − T. What no list names is never read.

struct Sizes {
  B: u32, H: u32, G: u32, T: u32, S: u32, D: u32, E: u32, scale: f32,
  size: u32, causal: u32,
}

override byKeys: bool = false; // the rows of the kernel are keys, which walk over queries

@group(0) @binding(3) var<storage, read> lists: array<u32>; // of each block of rows: how many blocks it has, then their numbers, rising

/// Where the rows of a head of a tensor [B, heads, length, ·] lie: the first, and the step to the next.
fn places(b: u32, h: u32, heads: u32, length: u32) -> vec2u {
  return vec2u((b * heads + h) * length, 1);
}

/// How many tiles the rows `own`, all of one block, walk over.
fn walk(own: vec2u) -> u32 {
  return lists[listOf(own)] * tilesPerBlock();
}

/// First and last + 1 of the i-th of them.
fn tileAt(own: vec2u, i: u32) -> vec2u {
  let others = select(n.S, n.T, byKeys);
  let block = lists[listOf(own) + 1 + i / tilesPerBlock()];
  let first = block * n.size + i % tilesPerBlock() * TILE;
  return vec2u(first, min(min(first + TILE, (block + 1) * n.size), others));
}

/// Where their list begins; each has room for every block.
fn listOf(own: vec2u) -> u32 {
  return own.x / n.size * ((select(n.S, n.T, byKeys) + n.size - 1) / n.size + 1);
}

fn tilesPerBlock() -> u32 {
  return (n.size + TILE - 1) / TILE;
}

/// True where every query among them sees every key.
fn open(own: vec2u, tile: vec2u) -> bool {
  let t = select(own, tile, byKeys);
  let s = select(tile, own, byKeys);
  return n.causal == 0 || s.y + n.T <= t.x + n.S + 1;
}

/// The score, NOTHING where t does not see s.
fn judged(score: f32, b: u32, h: u32, t: u32, s: u32) -> f32 {
  if (n.causal != 0 && s + n.T > t + n.S) { return NOTHING; }
  return score;
}
