// Rung 2, step 4 of 5: how much position t takes from position s of its own chunk, A_ts = Σ_j e^{b_t − b_s} m_s r_t for s ≤ t. One
// product of 64 × J by J × 64 for each chunk (tile.wgsl, put before). Decays of rows come in later, in outputs.wgsl.
//
// With one decay, e^{b_t − b_s} ≤ 1 stands outside of the sum. With one for each column it would cost an exponential for each
// product; instead both operands are scaled, r_t by e^{b_t − c} and m_s by e^{c − b_s}, with c halfway between the
// chunk's first and last b: two exponentials for 64 products. That is safe for a column that decays by no more than e^−SPAN over the
// chunk, which is asked column by column; steeper ones are multiplied with differences b_t − b_s ≤ 0, so nothing overflows, at
// the price of an exponential for each product.

override exclusive: bool; // s < t

@group(0) @binding(0) var<storage, read> m: array<vec4f>; // [N, T, J]
@group(0) @binding(1) var<storage, read> r: array<vec4f>; // [N, T, J]
@group(0) @binding(2) var<storage, read> b: array<f32>; // [N, T, C]
@group(0) @binding(3) var<storage, read_write> scores: array<vec4f>; // [N, chunks, s, t]
@group(0) @binding(4) var<uniform> n: Sizes;

var<workgroup> steep: array<u32, 4>; // [quad]: a bit for each slot of the slab that holds a steep column

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
  let head = group.y;
  let start = group.x * CHUNK;
  let last = min(start + CHUNK, n.T) - 1;
  let y = index / 16; // s
  let x = index % 16; // t
  let quad = index % 4;
  let rows = index / 4 % 16;
  let reads = index >= 64; // half of the invocations fill r, half m
  var sums: Sums;
  for (var j0 = 0u; j0 < n.J; j0 += SLAB) {
    let j = j0 + 4 * quad;
    var block = mat4x4f();
    var span = vec4f();
    if (j < n.J) {
      let first = summed(head, start, j);
      let end = summed(head, last, j);
      span = first - end;
      for (var c = 0u; c < 4; c++) {
        let step = start + 4 * rows + c;
        if (step > last) { continue; }
        let at = ((head * n.T + position(step)) * n.J + j) / 4;
        var value = vec4f();
        if (reads) { value = r[at]; } else { value = m[at]; }
        if (byColumn) {
          let toMiddle = (first + end) / 2 - summed(head, step, j);
          value *= select(vec4f(1), exp(select(toMiddle, -toMiddle, reads)), span <= vec4f(SPAN));
        }
        block[c] = value;
      }
    }
    block = transpose(block);
    workgroupBarrier();
    var bits = 0u;
    for (var c = 0u; c < 4; c++) {
      let at = slot(quad, c);
      if (reads) { right[at * PITCH + rows] = Held(block[c]); } else { left[at * PITCH + rows] = Held(block[c]); }
      bits |= select(0u, 1u << at, span[c] > SPAN);
    }
    if (index < 4) { steep[index] = bits; }
    workgroupBarrier();
    if (y <= x) { add(&sums, y, x, head, start, j0); } // otherwise all of these t come before all of these s
  }
  put(head, group.x, 4 * y, x, sums.upper);
  put(head, group.x, 4 * y + 32, x, sums.lower);
}

fn add(sums: ptr<function, Sums>, y: u32, x: u32, head: u32, start: u32, j0: u32) {
  if (!byColumn) {
    multiply(sums, y, x, true);
    return;
  }
  let all = steep[0] | steep[1] | steep[2] | steep[3];
  for (var k = 0u; k < SLAB; k++) {
    let column = vec4f(right[k * PITCH + x]) * f32((~all >> k) & 1);
    (*sums).upper += outer(vec4f(left[k * PITCH + y]), column);
    (*sums).lower += outer(vec4f(left[k * PITCH + y + 8]), column);
  }
  // A loop over what is rare, and no branch in the one above: SwiftShader would go through both sides of that.
  for (var rest = all; rest != 0; rest &= rest - 1) {
    let k = countTrailingZeros(rest);
    let channel = j0 + 4 * (k % 4) + k / 4;
    let column = vec4f(right[k * PITCH + x]);
    let bt = along(head, start + 4 * x, channel);
    (*sums).upper += fading(vec4f(left[k * PITCH + y]), column, along(head, start + 4 * y, channel), bt);
    (*sums).lower += fading(vec4f(left[k * PITCH + y + 8]), column, along(head, start + 4 * y + 32, channel), bt);
  }
}

/// A column's b at four places of the scan that follow one another.
fn along(head: u32, step: u32, channel: u32) -> vec4f {
  let at = min(vec4u(step) + vec4u(0, 1, 2, 3), vec4u(n.T - 1));
  let places = (vec4u(head * n.T) + at) * n.C + channel;
  return vec4f(b[places.x], b[places.y], b[places.z], b[places.w]);
}

fn fading(a: vec4f, x: vec4f, bs: vec4f, bt: vec4f) -> mat4x4f {
  // min: where s > t the difference is positive, could overflow, and is thrown away.
  let fade = mat4x4f(min(bt - bs.x, vec4f()), min(bt - bs.y, vec4f()), min(bt - bs.z, vec4f()), min(bt - bs.w, vec4f()));
  return mat4x4f(a.x * x * exp(fade[0]), a.y * x * exp(fade[1]), a.z * x * exp(fade[2]), a.w * x * exp(fade[3]));
}

fn put(head: u32, chunk: u32, s: u32, x: u32, sums: mat4x4f) {
  let start = chunk * CHUNK;
  let base = (head * ((n.T + CHUNK - 1) / CHUNK) + chunk) * CHUNK;
  let t = vec4u(4 * x) + vec4u(0, 1, 2, 3);
  var bt = vec4f();
  if (n.C == 1) { bt = along(head, start + 4 * x, 0); }
  for (var c = 0u; c < 4; c++) {
    var value = sums[c];
    if (n.C == 1) { value *= exp(min(bt - b[head * n.T + min(start + s + c, n.T - 1)], vec4f())); }
    let sees = select(vec4u(s + c) <= t, vec4u(s + c) < t, exclusive);
    scores[(base + s + c) * (CHUNK / 4) + x] = select(vec4f(), value, sees);
  }
}
