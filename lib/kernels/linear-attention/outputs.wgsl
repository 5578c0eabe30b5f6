// Rung 2, step 4 of 4: 16 outputs × 32 rows a workgroup, from the state before the chunk and from the chunk's own positions.
//
//   y_t = e^{b_t} R_before r_t + Σ_{s ≤ t} A_ts w_s,   A_ts = Σ_j e^{b_t − b_s} m_s r_t         (decay of columns: inside
// the sum over j; decay of rows: outside of it). Only differences b_t − b_s ≤ 0 are exponentiated, so nothing overflows.
// What the rung gains is parallelism along T, which 2 cores of software Vulkan cannot use: there it takes 2.5 times as long as rung 1,
// and is 4 times as fast as the composition (T = 256, I = J = 64, 2026-11-24). Not yet measured on a GPU.
// Blocks of 16 positions s up to t's own, like tiles of causal attention; no T × T matrix.

override chunk: u32; // a multiple of 16
override decayOnRow: bool;
override reverse: bool;
override exclusive: bool;

struct Sizes { N: u32, T: u32, I: u32, J: u32, C: u32 }

@group(0) @binding(0) var<storage, read> w: array<f32>; // [N, T, I]
@group(0) @binding(1) var<storage, read> m: array<f32>; // [N, T, J]
@group(0) @binding(2) var<storage, read> r: array<f32>; // [N, T, J]
@group(0) @binding(3) var<storage, read> b: array<f32>; // [N, T, C]
@group(0) @binding(4) var<storage, read> before: array<f32>; // [N, chunks, I, J]
@group(0) @binding(5) var<storage, read_write> y: array<f32>; // [N, T, I]
@group(0) @binding(6) var<uniform> n: Sizes;

const ROWS = 16u;
const TILE = 32u;
var<workgroup> rs: array<f32, ROWS * TILE>; // r of the positions t, one tile of columns
var<workgroup> bt: array<f32, ROWS * TILE>;
var<workgroup> ms: array<f32, ROWS * TILE>; // m of the positions s; then w of them
var<workgroup> bs: array<f32, ROWS * TILE>;
var<workgroup> tile: array<f32, TILE * TILE>; // the state; then A in its first 256 places

// The position that comes at this place of the scan.
fn position(step: u32) -> u32 { return select(step, n.T - 1 - step, reverse); }

fn summed(head: u32, step: u32, channel: u32) -> f32 {
  return b[(head * n.T + step) * n.C + select(channel, 0u, n.C == 1)];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
  let head = group.z;
  let i0 = group.x * TILE;
  let t0 = group.y * ROWS;
  let own = t0 / chunk;
  let chunks = (n.T + chunk - 1) / chunk;
  // This invocation's outputs: row i0 + lane of positions t0 + half, half + 2, …
  let lane = index % TILE;
  let half = index / TILE;
  let i = i0 + lane;
  var sums: array<f32, 8>;

  for (var j0 = 0u; j0 < n.J; j0 += TILE) {
    for (var at = index; at < ROWS * TILE; at += 64) {
      let step = t0 + at / TILE;
      let j = j0 + at % TILE;
      var read = 0.0;
      if (step < n.T && j < n.J) {
        read = r[(head * n.T + position(step)) * n.J + j];
        if (!decayOnRow) { read *= exp(summed(head, step, j)); }
      }
      rs[at] = read;
    }
    for (var at = index; at < TILE * TILE; at += 64) {
      let row = i0 + at / TILE;
      let j = j0 + at % TILE;
      var value = 0.0;
      if (row < n.I && j < n.J) { value = before[((head * chunks + own) * n.I + row) * n.J + j]; }
      tile[(at % TILE) * TILE + at / TILE] = value; // transposed: neighbours read neighbours
    }
    workgroupBarrier();
    for (var j = 0u; j < TILE; j++) {
      let value = tile[j * TILE + lane];
      for (var x = 0u; x < 8; x++) { sums[x] += rs[(half + 2 * x) * TILE + j] * value; }
    }
    workgroupBarrier();
  }
  if (decayOnRow && i < n.I) {
    for (var x = 0u; x < 8; x++) { sums[x] *= exp(summed(head, min(t0 + half + 2 * x, n.T - 1), i)); }
  }

  for (var s0 = own * chunk; s0 <= t0; s0 += ROWS) {
    var a = array<f32, 4>(); // A at (index / 16 + 4 x, index % 16)
    for (var j0 = 0u; j0 < n.J; j0 += TILE) {
      for (var at = index; at < ROWS * TILE; at += 64) {
        let j = j0 + at % TILE;
        let t = t0 + at / TILE;
        let s = s0 + at / TILE;
        let insideT = t < n.T && j < n.J;
        let insideS = s < n.T && j < n.J;
        rs[at] = 0;
        ms[at] = 0;
        if (insideT) { rs[at] = r[(head * n.T + position(t)) * n.J + j]; }
        if (insideS) { ms[at] = m[(head * n.T + position(s)) * n.J + j]; }
        if (!decayOnRow) {
          bt[at] = 0;
          bs[at] = 0;
          if (insideT) { bt[at] = summed(head, t, j); }
          if (insideS) { bs[at] = summed(head, s, j); }
        }
      }
      workgroupBarrier();
      let s = index % ROWS;
      for (var x = 0u; x < 4; x++) {
        let t = index / ROWS + 4 * x;
        for (var j = 0u; j < TILE; j++) {
          var product = rs[t * TILE + j] * ms[s * TILE + j];
          // min: above the diagonal the difference is positive, could overflow, and is thrown away.
          if (!decayOnRow) { product *= exp(min(bt[t * TILE + j] - bs[s * TILE + j], 0)); }
          a[x] += product;
        }
      }
      workgroupBarrier();
    }
    for (var x = 0u; x < 4; x++) {
      let t = t0 + index / ROWS + 4 * x;
      let s = s0 + index % ROWS;
      let sees = select(s <= t, s < t, exclusive);
      tile[(index / ROWS + 4 * x) * ROWS + index % ROWS] = select(0.0, a[x], sees);
    }
    for (var at = index; at < ROWS * TILE; at += 64) {
      let s = s0 + at / TILE;
      let row = i0 + at % TILE;
      ms[at] = 0;
      bs[at] = 0;
      if (s < n.T && row < n.I) {
        ms[at] = w[(head * n.T + position(s)) * n.I + row];
        if (decayOnRow) { bs[at] = summed(head, s, row); }
      }
    }
    workgroupBarrier();
    for (var x = 0u; x < 8; x++) {
      let t = half + 2 * x;
      var here = 0.0;
      if (decayOnRow && i < n.I) { here = summed(head, min(t0 + t, n.T - 1), i); }
      for (var s = 0u; s < ROWS; s++) {
        var product = tile[t * ROWS + s] * ms[s * TILE + lane];
        if (decayOnRow) { product *= exp(min(here - bs[s * TILE + lane], 0)); }
        sums[x] += product;
      }
    }
    workgroupBarrier();
  }
  for (var x = 0u; x < 8; x++) {
    let step = t0 + half + 2 * x;
    if (step < n.T && i < n.I) { y[(head * n.T + position(step)) * n.I + i] = sums[x]; }
  }
}
