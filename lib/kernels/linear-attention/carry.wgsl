// Rung 2, step 3 of 5: the state before each chunk. One invocation carries one number of the state over all chunks:
// T / chunk steps instead of T. It waits for memory alone: 8 bytes read or written per number and chunk, neighbours beside each other.

override chunk: u32;
override byRow: bool;

struct Sizes { N: u32, T: u32, I: u32, J: u32, C: u32 }

@group(0) @binding(0) var<storage, read> added: array<f32>; // [N, chunks, J, I]
@group(0) @binding(1) var<storage, read> b: array<f32>; // [N, T, C]
@group(0) @binding(2) var<storage, read_write> before: array<f32>; // [N, chunks, J, I]
@group(0) @binding(3) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= n.I * n.J) { return; }
  let head = id.y;
  let chunks = (n.T + chunk - 1) / chunk;
  let channel = select(select(id.x / n.I, id.x % n.I, byRow), 0u, n.C == 1);
  var state = 0.0;
  for (var at = 0u; at < chunks; at++) {
    let here = (head * chunks + at) * n.I * n.J + id.x;
    before[here] = state;
    let last = min((at + 1) * chunk, n.T) - 1;
    state = exp(b[(head * n.T + last) * n.C + channel]) * state + added[here];
  }
}
