// For each token, where its text starts and ends: a binary search in the prefix sums of the lengths, one invocation a token.

struct Sizes { N: u32, texts: u32 }

@group(0) @binding(0) var<storage, read> offsets: array<u32>; // [texts + 1]
@group(0) @binding(1) var<storage, read_write> textOf: array<vec2u>; // [N]: first and last + 1
@group(0) @binding(2) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let token = id.x;
  if (token >= n.N) { return; }
  var text = 0u; // the last text that starts at or before the token, and is not empty
  var after = n.texts;
  while (after - text > 1) {
    let middle = (text + after) / 2;
    if (offsets[middle] <= token) { text = middle; } else { after = middle; }
  }
  textOf[token] = vec2u(offsets[text], offsets[text + 1]);
}
