// The largest magnitude in each of q, k and v, as far as each workgroup has seen: f16.wgsl takes the largest of these. What is not finite
// is passed over: it spoils its own row, not the tensor. Magnitudes order as their bits do.

struct Sizes { q: u32, k: u32, v: u32 }

@group(0) @binding(0) var<storage, read> q: array<u32>;
@group(0) @binding(1) var<storage, read> k: array<u32>;
@group(0) @binding(2) var<storage, read> v: array<u32>;
@group(0) @binding(3) var<storage, read_write> largest: array<u32>; // [3, workgroups]
@group(0) @binding(4) var<uniform> n: Sizes;

const THREADS = 256u;

var<workgroup> seen: array<u32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) all: vec3u,
  @builtin(local_invocation_index) i: u32,
) {
  var most = 0u;
  let step = THREADS * all.x;
  let first = id.x * THREADS + i;
  switch id.y {
    case 0: { for (var at = first; at < n.q; at += step) { most = max(most, magnitude(q[at])); } }
    case 1: { for (var at = first; at < n.k; at += step) { most = max(most, magnitude(k[at])); } }
    default: { for (var at = first; at < n.v; at += step) { most = max(most, magnitude(v[at])); } }
  }
  seen[i] = most;
  for (var half = THREADS / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (i < half) { seen[i] = max(seen[i], seen[i + half]); }
  }
  if (i == 0) { largest[id.y * all.x + id.x] = seen[0]; }
}

fn magnitude(x: u32) -> u32 {
  let bits = x & 0x7fffffff;
  return select(bits, 0, bits >= 0x7f800000);
}
