// Rung 2, step 2 of 4: what each chunk adds to the state, Σ_t diag(e^{b_end − b_t}) w_t m_tᵀ over its positions.
// A matrix product per chunk: tiles of 32 × 32 of the state, 16 positions of both factors in workgroup memory at a time,
// 4 × 4 sums in each invocation's registers.

override chunk: u32;
override decayOnRow: bool;
override reverse: bool;

struct Sizes { N: u32, T: u32, I: u32, J: u32, C: u32 }

@group(0) @binding(0) var<storage, read> w: array<f32>; // [N, T, I]
@group(0) @binding(1) var<storage, read> m: array<f32>; // [N, T, J]
@group(0) @binding(2) var<storage, read> b: array<f32>; // [N, T, C], in the order of the scan
@group(0) @binding(3) var<storage, read_write> added: array<f32>; // [N, chunks, I, J]
@group(0) @binding(4) var<uniform> n: Sizes;

const TILE = 32u;
const ROWS = 16u;
var<workgroup> ws: array<f32, ROWS * TILE>;
var<workgroup> ms: array<f32, ROWS * TILE>;

fn toEnd(head: u32, step: u32, last: u32, channel: u32) -> f32 {
  let c = select(channel, 0u, n.C == 1);
  return exp(b[(head * n.T + last) * n.C + c] - b[(head * n.T + step) * n.C + c]);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u,
        @builtin(local_invocation_index) index: u32) {
  let chunks = (n.T + chunk - 1) / chunk;
  let head = group.z;
  let start = group.y * chunk;
  let last = min(start + chunk, n.T) - 1;
  let tilesJ = (n.J + TILE - 1) / TILE;
  let i0 = (group.x / tilesJ) * TILE;
  let j0 = (group.x % tilesJ) * TILE;
  var sums: array<f32, 16>;
  for (var first = start; first <= last; first += ROWS) {
    for (var at = index; at < ROWS * TILE; at += 64) {
      let step = first + at / TILE;
      let t = select(step, n.T - 1 - step, reverse);
      let i = i0 + at % TILE;
      let j = j0 + at % TILE;
      var write = 0.0;
      var match_ = 0.0;
      if (step <= last && i < n.I) {
        write = w[(head * n.T + t) * n.I + i];
        if (decayOnRow) { write *= toEnd(head, step, last, i); }
      }
      if (step <= last && j < n.J) {
        match_ = m[(head * n.T + t) * n.J + j];
        if (!decayOnRow) { match_ *= toEnd(head, step, last, j); }
      }
      ws[at] = write;
      ms[at] = match_;
    }
    workgroupBarrier();
    for (var row = 0u; row < ROWS; row++) {
      for (var x = 0u; x < 4; x++) {
        let write = ws[row * TILE + local.x * 4 + x];
        for (var z = 0u; z < 4; z++) { sums[x * 4 + z] += write * ms[row * TILE + local.y * 4 + z]; }
      }
    }
    workgroupBarrier();
  }
  for (var x = 0u; x < 4; x++) {
    for (var z = 0u; z < 4; z++) {
      let i = i0 + local.x * 4 + x;
      let j = j0 + local.y * 4 + z;
      if (i < n.I && j < n.J) { added[((head * chunks + group.y) * n.I + i) * n.J + j] = sums[x * 4 + z]; }
    }
  }
}
