enable subgroups;
// The sum over four neighbouring lanes, between registers: no memory, no barrier. A subgroup of any size holds whole quads.

/** The sum of `x` over the four lanes of the invocation's quad, in all of them. */
fn quadSums(x: vec4f, _i: u32) -> vec4f {
  let pair = x + quadSwapX(x);
  return pair + quadSwapY(pair);
}
