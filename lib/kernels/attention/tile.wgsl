// What the tiled kernels share: tiles of two operands and of weights in workgroup memory, and the two products over them.
//
// A workgroup owns ROWS rows and walks over tiles of TILE columns. Invocation (group, lane) has the 4 × 4 numbers of rows
// group + GROUPS r and columns lane + LANES c: each vec4 that it reads meets four others. It keeps them as a matrix with a column
// of WGSL's, four rows, for each c. Operands come in chunks of LANES vec4s, so workgroup memory does not depend on the
// heads' width; widths are multiples of 4, and what lies outside of a tensor counts as 0.
//
// The pitch of each tile is one vec4 longer than its rows: neighbouring lanes and groups then hit different banks.

override ROWS: u32 = 32;
override LANES: u32 = 8;
override TILE: u32 = 4 * LANES;
override GROUPS: u32 = ROWS / 4;
override THREADS: u32 = GROUPS * LANES;
override PITCH: u32 = LANES + 1;
override CHUNKS: u32; // at least as many as the widest operand has: a bound known to the compiler keeps sums in registers

const NOTHING = -1e30; // below every score, and finite

var<workgroup> left: array<vec4f, ROWS * PITCH>; // a chunk of the rows' operand
var<workgroup> right: array<vec4f, TILE * PITCH>; // a chunk of the columns' operand
var<workgroup> weights: array<vec4f, GROUPS * (TILE + 1)>; // [group][column]: the weights of the group's four rows

/// Rows own.x … own.y − 1 of a head, chunk `chunk`; `place` says where the head's rows lie (`places` of the pattern).
fn fillLeft(x: ptr<storage, array<vec4f>, read>, place: vec2u, own: vec2u, width: u32, chunk: u32, i: u32) {
  for (var at = i; at < ROWS * LANES; at += THREADS) {
    let row = own.x + at / LANES;
    let d = chunk * LANES + at % LANES;
    var value = vec4f();
    if (row < own.y && d < width) { value = (*x)[(place.x + row * place.y) * width + d]; }
    left[at / LANES * PITCH + at % LANES] = value;
  }
}

fn fillRight(x: ptr<storage, array<vec4f>, read>, place: vec2u, tile: vec2u, width: u32, chunk: u32, i: u32) {
  for (var at = i; at < TILE * LANES; at += THREADS) {
    let row = tile.x + at / LANES;
    let d = chunk * LANES + at % LANES;
    var value = vec4f();
    if (row < tile.y && d < width) { value = (*x)[(place.x + row * place.y) * width + d]; }
    right[at / LANES * PITCH + at % LANES] = value;
  }
}

/// left rightᵀ over the chunk.
fn dots(group: u32, lane: u32) -> mat4x4f {
  var sum = mat4x4f();
  for (var d = 0u; d < LANES; d++) {
    let a0 = left[group * PITCH + d];
    let a1 = left[(group + GROUPS) * PITCH + d];
    let a2 = left[(group + 2 * GROUPS) * PITCH + d];
    let a3 = left[(group + 3 * GROUPS) * PITCH + d];
    for (var c = 0u; c < 4; c++) {
      let b = right[(lane + LANES * c) * PITCH + d];
      sum[c] += vec4f(dot(a0, b), dot(a1, b), dot(a2, b), dot(a3, b));
    }
  }
  return sum;
}

/// weights · right: for each of the four rows, vec4 number `lane` of the chunk.
fn mixed(group: u32, lane: u32) -> mat4x4f {
  var sum = mat4x4f();
  for (var j = 0u; j < TILE; j++) {
    let w = weights[group * (TILE + 1) + j];
    let x = right[j * PITCH + lane];
    sum += mat4x4f(w.x * x, w.y * x, w.z * x, w.w * x);
  }
  return sum;
}

/// Leaves the weights where `mixed` finds them.
fn putWeights(w: mat4x4f, group: u32, lane: u32) {
  for (var c = 0u; c < 4; c++) { weights[group * (TILE + 1) + lane + LANES * c] = w[c]; }
}

/// The tile's scores with their bias, NOTHING where a query does not see a key, or where there is none.
fn scores(s: mat4x4f, b: u32, h: u32, own: vec2u, tile: vec2u, group: u32, lane: u32) -> mat4x4f {
  if (tile.y - tile.x == TILE && own.y - own.x == ROWS && open(own, tile)) { return s; }
  var result = mat4x4f();
  for (var c = 0u; c < 4; c++) {
    let column = tile.x + lane + LANES * c;
    for (var r = 0u; r < 4; r++) {
      let row = own.x + group + GROUPS * r;
      var score = f32(NOTHING);
      if (row < own.y && column < tile.y) {
        score = judged(s[c][r], b, h, select(row, column, byKeys), select(column, row, byKeys));
      }
      result[c][r] = score;
    }
  }
  return result;
}
