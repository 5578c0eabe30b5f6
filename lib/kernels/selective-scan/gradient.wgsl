// Selective scan, gradient, third kernel: one chunk of 16 positions and 64 channels in a workgroup, four states at a time.
//
// States are not kept from the forward pass but computed again from where the chunk begins; what later chunks hand back comes from
// the scan backwards. With r = dL/dh, from the last position to the first:
//
//   r ← r + C dy,   dC = Σ_D dy h,   dB = Σ_D r hold x,   dx = Σ_N r hold B,   r ← e^(ΔA) r
//   dΔ = Σ_N r A e^(ΔA) h_before + r B x dhold/dΔ,   dA = Σ_T r Δ e^(ΔA) h_before + r B x dhold/dA
//
// Measured as in plain.wgsl, but at T = 1024: 113 ms with the forward pass, 5.1 s in tfjs's operations.
//
// Sums over the workgroup's channels go through workgroup memory, for four positions at a time; sums over workgroups are left to
// the caller. dA's take the place of the states in which chunks begin, which nobody else reads. x, delta, dy [B, T, D]; parameters: A
// [D, N], then B, then C [B, T, N]: one buffer, as WebGPU promises no more than eight.

override quads: u32; // N / 4

struct Sizes { T: u32, D: u32, quads: u32 } // quads again, so that the loop over them is not unrolled: its body is long to compile

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> delta: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> parameters: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> states: array<vec4f>; // starts, then dA; what comes from behind [2, B, M, N / 4, D]
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<storage, read_write> dDelta: array<f32>;
@group(0) @binding(7) var<storage, read_write> partial: array<f32>; // dB beside dC [D / 64, B, T, 2 N]
@group(0) @binding(8) var<uniform> n: Sizes;

const WIDTH = 64u;
const CHUNK = 16u;
const ROWS = 4u; // positions summed together
const SUMS = ROWS * 8; // of four dB and four dC each

var<workgroup> tileB: array<vec4f, CHUNK * quads>;
var<workgroup> tileC: array<vec4f, CHUNK * quads>;
var<workgroup> products: array<f32, SUMS * WIDTH>;
var<workgroup> halves: array<f32, 2 * SUMS>;

@compute @workgroup_size(WIDTH)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let d = group.x * WIDTH + lane;
  let inside = d < n.D;
  let first = group.y * CHUNK;
  let size = min(CHUNK, n.T - first);
  let base = group.z * n.T + first;
  let block = group.z * groups.y + group.y;
  let plane = groups.z * groups.y * quads * n.D;

  for (var i = lane; i < size * quads; i += WIDTH) {
    tileB[i] = parameters[(n.D + base) * quads + i];
    tileC[i] = parameters[(n.D + groups.z * n.T + base) * quads + i];
  }
  // Positions and channels beyond the end keep Δ = x = dy = 0: they change nothing. All loops over these have constant bounds, so that
  // they can be unrolled and their indices known: what is indexed otherwise leaves the registers.
  var value: array<f32, CHUNK>;
  var step: array<f32, CHUNK>;
  var given: array<f32, CHUNK>;
  var byValue: array<f32, CHUNK>;
  var byStep: array<f32, CHUNK>;
  for (var i = 0u; i < CHUNK; i++) {
    if (inside && i < size) {
      let at = (base + i) * n.D + d;
      value[i] = x[at];
      step[i] = delta[at];
      given[i] = dy[at];
    }
  }
  workgroupBarrier();

  for (var q = 0u; q < n.quads; q++) {
    let near = min(d, n.D - 1);
    let state = (block * quads + q) * n.D + near;
    let a = parameters[near * quads + q];
    var before = array<vec4f, CHUNK>();
    // Lanes beyond the last channel stay away from the states of lanes that write them.
    var h = vec4f(0);
    var r = vec4f(0);
    if (inside) {
      h = states[state];
      r = states[plane + state];
    }
    for (var i = 0u; i < CHUNK; i++) {
      let z = step[i] * a;
      before[i] = h;
      h = exp(z) * h + hold(step[i], z) * value[i] * tileB[i * quads + q];
    }
    var byA = vec4f(0);
    for (var done = 0u; done < CHUNK; done += ROWS) {
      for (var i = 0u; i < ROWS; i++) {
        let t = CHUNK - 1 - done - i;
        let B = tileB[t * quads + q];
        let C = tileC[t * quads + q];
        let z = step[t] * a;
        let decay = exp(z);
        let held = hold(step[t], z);
        r += given[t] * C;
        let forB = r * held * value[t];
        let forC = given[t] * (decay * before[t] + held * value[t] * B);
        let column = i * 8;
        for (var s = 0u; s < 4; s++) {
          products[(column + s) * WIDTH + ((lane + column + s) % WIDTH)] = forB[s];
          products[(column + 4 + s) * WIDTH + ((lane + column + 4 + s) % WIDTH)] = forC[s];
        }
        let kept = r * decay * before[t];
        let written = r * value[t] * B;
        byValue[t] += dot(r * held, B);
        byStep[t] += dot(kept, a) + dot(written, holdByStep(z));
        byA += kept * step[t] + written * holdByA(step[t], z);
        r *= decay;
      }
      workgroupBarrier();
      // Two invocations a sum, each over half the channels; rows are shifted against each other, so that banks do not collide.
      let sum = lane / 2;
      var half = 0.0;
      for (var i = 0u; i < WIDTH / 2; i++) {
        half += products[sum * WIDTH + ((lane % 2 * (WIDTH / 2) + i + sum) % WIDTH)];
      }
      halves[lane] = half;
      workgroupBarrier();
      let t = CHUNK - 1 - done - lane / 8;
      if (lane < SUMS && t < size) {
        let row = (group.x * groups.z + group.z) * n.T + first + t;
        let part = lane / 4 % 2; // 0: dB, 1: dC
        partial[(row * 2 + part) * quads * 4 + q * 4 + lane % 4] = halves[2 * lane] + halves[2 * lane + 1];
      }
    }
    if (inside) { states[state] = byA; }
  }
  for (var i = 0u; i < CHUNK; i++) {
    if (inside && i < size) {
      let at = (base + i) * n.D + d;
      dx[at] = byValue[i];
      dDelta[at] = byStep[i];
    }
  }
}
