// Rung 2, step 5 of 5: y_t = e^{b_t} R_before r_t + Σ_{s ≤ t} A_ts w_s, two products into the same 64 × 64 sums (tile.wgsl, put before).
//
// Decays of the state's rows belong to the outputs: e^{b_t} and e^{b_t − b_s} stand before each. As in scores.wgsl they are factored
// where a row decays by no more than e^−SPAN over the chunk, w_s by e^{c − b_s} and the sum by e^{b_t − c}; where one of an
// invocation's four rows is steeper, it multiplies by e^{b_t − b_s} ≤ 1 itself.
//
// The version before took 129 of 142 ms here (SwiftShader, T = 1024, D = 64, one head): 16 × 32 outputs, an exponential for each pair
// and channel, and scores computed anew for each 32 outputs. On a busy machine, least of 9, this one takes 70 and `plain` 366, where
// step 2 takes 45 and step 4, with its decays factored, 48. Only reasoned for GPUs, where T = 4096 makes 64 workgroups a head.

@group(0) @binding(0) var<storage, read> w: array<vec4f>; // [N, T, I]
@group(0) @binding(1) var<storage, read> r: array<vec4f>; // [N, T, J]
@group(0) @binding(2) var<storage, read> b: array<f32>; // [N, T, C]
@group(0) @binding(3) var<storage, read> before: array<vec4f>; // [N, chunks, J, I]
@group(0) @binding(4) var<storage, read> scores: array<vec4f>; // [N, chunks, s, t]
@group(0) @binding(5) var<storage, read_write> out: array<vec4f>; // [N, T, I]
@group(0) @binding(6) var<uniform> n: Sizes;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
  let head = group.z;
  let start = group.y * CHUNK;
  let last = min(start + CHUNK, n.T) - 1;
  let here = head * ((n.T + CHUNK - 1) / CHUNK) + group.y;
  let y = index / 16; // t
  let x = index % 16;
  let i = group.x * 64 + 4 * x;
  let t = start + 4 * y;
  var sums: Sums;

  if (group.y > 0) { // before the first chunk the state is 0
    for (var j0 = 0u; j0 < n.J; j0 += SLAB) {
      workgroupBarrier();
      if (index < 64) { fillReads(head, start, last, j0, index); }
      for (var row = y; row < SLAB; row += THREADS / 16) {
        var value = vec4f();
        if (j0 + row < n.J && i < n.I) { value = before[((here * n.J + j0 + row) * n.I + i) / 4]; }
        right[slot(row / 4, row % 4) * PITCH + x] = Held(value);
      }
      workgroupBarrier();
      if (i < n.I) { multiply(&sums, y, x, true); }
    }
  }

  var middle = vec4f();
  var steep = false;
  if (byRow && i < n.I) {
    let first = summed(head, start, i);
    let end = summed(head, last, i);
    middle = (first + end) / 2;
    steep = any(first - end > vec4f(SPAN));
    if (steep) { fade(&sums, head, t, i, vec4f()); } else { sums = Sums(columns(sums.upper, exp(middle)), columns(sums.lower, exp(middle))); }
  }

  for (var s0 = 0u; start + s0 <= last; s0 += SLAB) {
    workgroupBarrier();
    for (var row = y; row < SLAB; row += THREADS / 16) {
      let step = start + s0 + row;
      var value = vec4f();
      if (step <= last && i < n.I) {
        value = w[((head * n.T + position(step)) * n.I + i) / 4];
        if (byRow && !steep) { value *= exp(middle - summed(head, step, i)); }
      }
      right[row * PITCH + x] = Held(value);
      left[row * PITCH + x] = Held(scores[(here * CHUNK + s0 + row) * (CHUNK / 4) + x]);
    }
    workgroupBarrier();
    if (i < n.I && !steep) { multiply(&sums, y, x, s0 < 32); } // later s have nothing for the first 32 t
    if (i < n.I && steep) {
      for (var k = 0u; k < SLAB && start + s0 + k <= last; k++) {
        let bs = summed(head, start + s0 + k, i);
        let value = vec4f(right[k * PITCH + x]);
        sums.upper += fading(vec4f(left[k * PITCH + y]), value, bs, head, t, i);
        sums.lower += fading(vec4f(left[k * PITCH + y + 8]), value, bs, head, t + 32, i);
      }
    }
  }
  if (i >= n.I) { return; }
  if (byRow && !steep) { fade(&sums, head, t, i, middle); }
  put(head, t, i, sums.upper);
  put(head, t + 32, i, sums.lower);
}

/// r of 4 positions and 4 columns, decayed from the start of the chunk, crosswise.
fn fillReads(head: u32, start: u32, last: u32, j0: u32, index: u32) {
  let quad = index % 4;
  let rows = index / 4;
  let j = j0 + 4 * quad;
  var block = mat4x4f();
  for (var c = 0u; c < 4; c++) {
    let step = start + 4 * rows + c;
    if (step > last || j >= n.J) { continue; }
    block[c] = r[((head * n.T + position(step)) * n.J + j) / 4];
    if (!byRow) { block[c] *= exp(summed(head, step, j)); }
  }
  block = transpose(block);
  for (var c = 0u; c < 4; c++) { left[slot(quad, c) * PITCH + rows] = Held(block[c]); }
}

/// e^{b_t − origin} of four rows of the state.
fn decay(head: u32, t: u32, i: u32, origin: vec4f) -> vec4f { return exp(summed(head, min(t, n.T - 1), i) - origin); }

fn fade(sums: ptr<function, Sums>, head: u32, t: u32, i: u32, origin: vec4f) {
  let m = *sums;
  (*sums).upper = mat4x4f(
    m.upper[0] * decay(head, t, i, origin),
    m.upper[1] * decay(head, t + 1, i, origin),
    m.upper[2] * decay(head, t + 2, i, origin),
    m.upper[3] * decay(head, t + 3, i, origin),
  );
  (*sums).lower = mat4x4f(
    m.lower[0] * decay(head, t + 32, i, origin),
    m.lower[1] * decay(head, t + 33, i, origin),
    m.lower[2] * decay(head, t + 34, i, origin),
    m.lower[3] * decay(head, t + 35, i, origin),
  );
}

fn columns(m: mat4x4f, scale: vec4f) -> mat4x4f { return mat4x4f(m[0] * scale, m[1] * scale, m[2] * scale, m[3] * scale); }

/// a_t e^{b_t − b_s} w_s for four t. min: A is 0 where s > t, and the exponential must not be infinite there.
fn fading(a: vec4f, value: vec4f, bs: vec4f, head: u32, t: u32, i: u32) -> mat4x4f {
  return mat4x4f(
    a.x * value * min(decay(head, t, i, bs), vec4f(1)),
    a.y * value * min(decay(head, t + 1, i, bs), vec4f(1)),
    a.z * value * min(decay(head, t + 2, i, bs), vec4f(1)),
    a.w * value * min(decay(head, t + 3, i, bs), vec4f(1)),
  );
}

fn put(head: u32, t: u32, i: u32, sums: mat4x4f) {
  for (var c = 0u; c < 4; c++) {
    if (t + c < n.T) { out[((head * n.T + position(t + c)) * n.I + i) / 4] = sums[c]; }
  }
}
