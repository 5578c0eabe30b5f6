// Sums of the columns of a matrix that lies somewhere in `parts`: what workgroups have summed apart, joined. One invocation a column,
// so that neighbours read neighbours; the order of the sum is always the same.

struct Sizes { begin: u32, rows: u32, width: u32 }

@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>; // [width]
@group(0) @binding(2) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let column = id.y * groups.x * 64 + id.x;
  if (column >= n.width) { return; }
  var sum = 0.0;
  for (var row = 0u; row < n.rows; row++) { sum += parts[n.begin + row * n.width + column]; }
  sums[column] = sum;
}
