// The sum over four neighbouring lanes, through workgroup memory: for GPUs without subgroups.

var<workgroup> shares: array<vec4f, 2 * 128>;
var<private> turn: u32; // two places in turn: one barrier then keeps a read from the next write

/** The sum of `x` over the four lanes of invocation i's quad, in all of them. */
fn quadSums(x: vec4f, i: u32) -> vec4f {
  let place = turn * 128;
  turn = 1 - turn;
  shares[place + i] = x;
  workgroupBarrier();
  let quad = place + i / 4 * 4;
  return shares[quad] + shares[quad + 1] + shares[quad + 2] + shares[quad + 3];
}
