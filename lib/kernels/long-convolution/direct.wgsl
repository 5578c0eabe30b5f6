// Causal convolution, rung 1: the sum itself, as a product with a Toeplitz matrix that is never written down. O(T²).
//
// A workgroup sums 256 neighbouring outputs, four to an invocation, over 64 inputs at a time that lie in workgroup memory beside
// the 320 weights that they need. Along a diagonal the weights are the same, so that 16 products take one vector of weights and
// one of inputs from workgroup memory.
//
// Measured on software Vulkan (SwiftShader, two shared cores, no GPU at hand) at B = 2, C = 4: 3.5 ms at T = 256, 21 ms at 1024,
// 190 ms at 4096, 3.2 s at 16,384.
//
// u [B, C, T], h [C, T] or [B, C, T], bias [C]. `reversed` reads u and writes y from the end: a correlation, for the gradient.

override reversed: bool;

struct Sizes { T: u32, C: u32, step: u32 } // step: C where h has batches, otherwise 0

@group(0) @binding(0) var<storage, read> u: array<f32>;
@group(0) @binding(1) var<storage, read> h: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // [B, C, T]
@group(0) @binding(4) var<uniform> n: Sizes;

const WIDTH = 64u;
const INPUTS = 16u; // vectors of four

var<workgroup> inputs: array<vec4f, INPUTS>;
var<workgroup> weights: array<vec4f, INPUTS + WIDTH>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.z * n.C + group.y) * n.T;
  let weightRow = (group.z * n.step + group.y) * n.T;
  let first = group.x * WIDTH * 4;
  let end = min(first + WIDTH * 4, n.T);

  var sum = vec4f(0);
  for (var s = 0u; s < end; s += INPUTS * 4) {
    workgroupBarrier();
    if (lane < INPUTS) {
      for (var j = 0u; j < 4; j++) {
        let at = s + lane * 4 + j;
        inputs[lane][j] = 0;
        if (at < n.T) { inputs[lane][j] = u[row + place(at)]; }
      }
    }
    for (var i = lane; i < INPUTS + WIDTH; i += WIDTH) {
      for (var j = 0u; j < 4; j++) {
        // first − s − 64 + 4 i + j, which may lie before the beginning.
        let at = first + i * 4 + j;
        weights[i][j] = 0;
        if (at >= s + INPUTS * 4 && at - s - INPUTS * 4 < n.T) {
          weights[i][j] = h[weightRow + at - s - INPUTS * 4];
        }
      }
    }
    workgroupBarrier();
    var high = weights[INPUTS + lane];
    for (var i = 0u; i < INPUTS; i++) {
      let low = weights[INPUTS - 1 + lane - i];
      let x = inputs[i];
      sum += x.x * high + x.y * vec4f(low.w, high.xyz) + x.z * vec4f(low.zw, high.xy) + x.w * vec4f(low.yzw, high.x);
      high = low;
    }
  }
  for (var j = 0u; j < 4; j++) {
    let t = first + lane * 4 + j;
    if (t < n.T) { y[row + place(t)] = sum[j] + bias[group.y] * u[row + place(t)]; }
  }
}

fn place(t: u32) -> u32 { return select(t, n.T - 1 - t, reversed); }
