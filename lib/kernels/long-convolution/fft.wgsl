// Fast Fourier transforms in workgroup memory: Stockham's, which leaves its results in order. Prefixed to the kernels that
// transform; they bind `roots`.
//
// Each round joins four points (the last one two, where the length is no power of four), from one half of `points` into the other,
// so that a barrier a round is enough. `columns` transforms lie interleaved.
//
// roots[j] = e^(−2πi j / (4 circle)), j < circle, come from float64: a GPU's own sine may be as little as 11 bits good.

override length: u32; // of a transform: a power of two, 4 or more
override columns: u32; // a power of two
override threads: u32;
override circle: u32; // a power of two

var<workgroup> points: array<vec2f, 2 * length * columns>;

/// Transforms all columns in `points` from `begin` on: X_f = Σ_t x_t e^(−2πi f t / length). Waits for what was written before, and at
/// the end. Returns where the results begin: 0 or length · columns.
fn transform(lane: u32, begin: u32) -> u32 {
  let size = length * columns;
  var source = begin;
  var shift = 0u;
  for (var m = length; m > 1; m /= 4) {
    workgroupBarrier();
    let goal = size - source;
    if (m == 2) {
      for (var j = lane; j < size / 2; j += threads) {
        let a = points[source + j];
        let b = points[source + j + size / 2];
        points[goal + j] = a + b;
        points[goal + j + size / 2] = a - b;
      }
    } else {
      let stride = columns << shift;
      for (var j = lane; j < size / 4; j += threads) {
        let a = points[source + j];
        let b = points[source + j + size / 4];
        let c = points[source + j + size / 2];
        let d = points[source + j + size / 4 * 3];
        let p = (j / columns) >> shift;
        let w = root((p * (4 * circle / length)) << shift);
        let w2 = product(w, w);
        let at = goal + j + 3 * p * stride;
        let turned = minusI(b - d);
        points[at] = a + c + (b + d);
        points[at + stride] = product(w, a - c + turned);
        points[at + 2 * stride] = product(w2, a + c - (b + d));
        points[at + 3 * stride] = product(product(w, w2), a - c - turned);
      }
    }
    source = goal;
    shift += 2;
  }
  workgroupBarrier();
  return source;
}

/// e^(−2πi j / (4 circle)), j < 4 circle: a quarter of the circle is stored.
fn root(j: u32) -> vec2f {
  let w = roots[j % circle];
  let turns = j / circle;
  let half = select(w, minusI(w), turns % 2 == 1);
  return select(half, -half, turns >= 2);
}

fn product(a: vec2f, b: vec2f) -> vec2f { return vec2f(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x); }
fn conjugate(a: vec2f) -> vec2f { return vec2f(a.x, -a.y); }
fn minusI(a: vec2f) -> vec2f { return vec2f(a.y, -a.x); }
