// Rung 2, step 2 of 5: what each chunk adds to the state, Σ_t diag(e^{b_end − b_t}) w_t m_tᵀ over its positions, transposed.
// A matrix product per chunk (tile.wgsl, put before): 64 × 64 numbers of the state to a workgroup.

@group(0) @binding(0) var<storage, read> w: array<vec4f>; // [N, T, I]
@group(0) @binding(1) var<storage, read> m: array<vec4f>; // [N, T, J]
@group(0) @binding(2) var<storage, read> b: array<f32>; // [N, T, C], in the order of the scan
@group(0) @binding(3) var<storage, read_write> added: array<vec4f>; // [N, chunks, J, I]
@group(0) @binding(4) var<uniform> n: Sizes;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
  let head = group.z;
  let start = group.y * CHUNK;
  let last = min(start + CHUNK, n.T) - 1;
  let tiles = (n.I + 63) / 64;
  let i0 = group.x % tiles * 64;
  let j0 = group.x / tiles * 64;
  let y = index / 16;
  let x = index % 16;
  var sums: Sums;
  for (var first = start; first <= last; first += SLAB) {
    workgroupBarrier();
    for (var row = y; row < SLAB; row += THREADS / 16) {
      let step = first + row;
      let i = i0 + 4 * x;
      let j = j0 + 4 * x;
      var write = vec4f();
      var under = vec4f();
      if (step <= last) {
        let at = head * n.T + position(step);
        if (i < n.I) { write = w[(at * n.I + i) / 4]; }
        if (j < n.J) { under = m[(at * n.J + j) / 4]; }
        if (byRow && i < n.I) { write *= exp(summed(head, last, i) - summed(head, step, i)); }
        if (!byRow && j < n.J) { under *= exp(summed(head, last, j) - summed(head, step, j)); }
      }
      left[row * PITCH + x] = Held(under);
      right[row * PITCH + x] = Held(write);
    }
    workgroupBarrier();
    if (j0 + 4 * y < n.J && i0 + 4 * x < n.I) { multiply(&sums, y, x, true); }
  }
  let base = (head * ((n.T + CHUNK - 1) / CHUNK) + group.y) * n.J;
  put(base, j0 + 4 * y, i0 + 4 * x, sums.upper);
  put(base, j0 + 4 * y + 32, i0 + 4 * x, sums.lower);
}

fn put(base: u32, j: u32, i: u32, sums: mat4x4f) {
  if (j >= n.J || i >= n.I) { return; }
  for (var c = 0u; c < 4; c++) { added[((base + j + c) * n.I + i) / 4] = sums[c]; }
}
