// Two tensors behind one another in one, bit for bit: so that a kernel which has too many bindings reads both through one.

struct Sizes { first: u32, second: u32 }

@group(0) @binding(0) var<storage, read> first: array<u32>;
@group(0) @binding(1) var<storage, read> second: array<u32>;
@group(0) @binding(2) var<storage, read_write> joined: array<u32>;
@group(0) @binding(3) var<uniform> n: Sizes;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) all: vec3u) {
  for (var i = id.x; i < n.first + n.second; i += 256 * all.x) {
    if (i < n.first) { joined[i] = first[i]; } else { joined[i] = second[i - n.first]; }
  }
}
