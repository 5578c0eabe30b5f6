enable f16;

// Rung `f16`: the tiles in workgroup memory hold halves, so that they take half of its space and of its traffic. Sums, decays and
// what kernels hand on in buffers stay float32. Only on demand: put before tile.wgsl in place of held-f32.wgsl.
//
// An operand is rounded by 2^−11 of itself, and on the way to an output at most four are: the error is at most 2^−9 of the sum of the
// magnitudes, Σ_s |w_s| Σ_j e^{b_t − b_s} |m_s| |r_t|. What is smaller than 2^−14 loses more of itself, and operands and states
// (sums over all positions before a chunk) must stay below 65,504 / e^(SPAN / 2).
// The test of that bound runs where the adapter has f16 (Mesa's lavapipe so far). What it gains has not been measured on a GPU.

alias Held = vec4h;

const SPAN = 8.0;
