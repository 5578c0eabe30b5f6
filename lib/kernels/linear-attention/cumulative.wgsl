// Rung 2, step 1 of 4: log decays summed from the start of each chunk, b_t = Σ g over the chunk up to t, in the order of the scan.

override chunk: u32;
override reverse: bool;

struct Sizes { N: u32, H: u32, T: u32, C: u32, gB: u32, gH: u32, gT: u32, gC: u32 }

@group(0) @binding(0) var<storage, read> g: array<f32>; // log decays, by strides
@group(0) @binding(1) var<storage, read_write> b: array<f32>; // [N, T, C]
@group(0) @binding(2) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let channel = id.x % n.C;
  let start = (id.x / n.C) * chunk;
  let head = id.y;
  if (start >= n.T) { return; }
  var sum = 0.0;
  for (var step = start; step < min(start + chunk, n.T); step++) {
    // Backwards, the step to t fades by the decay of t + 1; the first step fades nothing.
    let t = select(step, n.T - step, reverse);
    if (t < n.T) { sum += g[(head / n.H) * n.gB + (head % n.H) * n.gH + t * n.gT + channel * n.gC]; }
    b[(head * n.T + step) * n.C + channel] = sum;
  }
}
