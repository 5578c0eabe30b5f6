// Rung `chunked`: tiles of float32. Put before tile.wgsl.

alias Held = vec4f;

/// Channels whose decays over a chunk multiply to e^−SPAN or more are factored: each factor is at most e^(SPAN / 2).
const SPAN = 60.0;
