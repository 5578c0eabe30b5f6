// Fast Fourier transforms in workgroup memory: Stockham's, which leaves its results in order. Prefixed to the kernels that
// transform; they bind `roots`.
//
// Each round joins four points (the last one two, where the length is no power of four). An invocation keeps its points in
// registers between reading and writing, so that one array is enough. `columns` transforms lie interleaved in it.
//
// roots[j] = e^(−2πi j / (4 circle)), j < circle, come from float64: a GPU's own sine may be as little as 11 bits good.

override length: u32; // of a transform: a power of two, 4 or more
override columns: u32;
override threads: u32; // a quarter of length · columns, or 256: 4096 points at most
override circle: u32;

var<workgroup> line: array<vec2f, length * columns>;

/// Transforms all columns of `line`: X_f = Σ_t x_t e^(−2πi f t / length). Waits for what was written before, and afterwards.
fn transform(lane: u32) {
  let quarter = length * columns / 4;
  var stride = columns;
  var kept: array<vec2f, 16>;
  for (var m = length; m > 1; m /= 4) {
    workgroupBarrier();
    if (m == 2) {
      for (var j = lane; j < 2 * quarter; j += threads) {
        let a = line[j];
        let b = line[j + 2 * quarter];
        line[j] = a + b;
        line[j + 2 * quarter] = a - b;
      }
    } else {
      for (var i = 0u; i < quarter / threads; i++) {
        for (var r = 0u; r < 4; r++) { kept[4 * i + r] = line[lane + i * threads + r * quarter]; }
      }
      workgroupBarrier();
      for (var i = 0u; i < quarter / threads; i++) {
        let j = lane + i * threads;
        let p = j / stride;
        let even = kept[4 * i] + kept[4 * i + 2];
        let odd = kept[4 * i + 1] + kept[4 * i + 3];
        let evenLess = kept[4 * i] - kept[4 * i + 2];
        let oddLess = minusI(kept[4 * i + 1] - kept[4 * i + 3]);
        let w = root(p * (4 * circle / m));
        let w2 = product(w, w);
        let to = j + 3 * p * stride;
        line[to] = even + odd;
        line[to + stride] = product(w, evenLess + oddLess);
        line[to + 2 * stride] = product(w2, even - odd);
        line[to + 3 * stride] = product(product(w, w2), evenLess - oddLess);
      }
    }
    stride *= 4;
  }
  workgroupBarrier();
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
