/**
 * Reversible residual layers and chunked feed-forward: memory of activations that does not grow with depth.
 *
 * Kitaev, Kaiser & Levskaya, "Reformer: The Efficient Transformer", 2020, arXiv:2001.04451, section 3, after Gomez, Ren,
 * Urtasun & Grosse, "The Reversible Residual Network", 2017, arXiv:1707.04585.
 *
 *   y₁ = x₁ + F(x₂)      y₂ = x₂ + G(y₁)                   forwards
 *   x₂ = y₂ − G(y₁)      x₁ = y₁ − F(x₂)                   backwards: inputs from outputs
 *   ḡ₁ = ȳ₁ + (∂G/∂y₁)ᵀ ȳ₂     x̄₂ = ȳ₂ + (∂F/∂x₂)ᵀ ḡ₁     x̄₁ = ḡ₁             gradients, on the way back
 *
 * Identities (lib/identities/reversible.ts): the inverse gives the inputs back; outputs and all gradients equal those of the
 * same layers with stored activations; chunked feed-forward equals the whole.
 * Cost: F and G run once more on the way back; activations of one layer instead of all, and gradients of the parameters.
 * Deviates from the paper: none. F and G must be deterministic: one that hashes needs a fixed seed.
 */

import * as tf from "@tensorflow/tfjs";
import { dims, ensure } from "../shapes.js";
import { type FeedForwardOptions, feedForward } from "./transformer.js";

/** A residual branch: a function `[B, T, C]` → `[B, T, C]` of its input and its parameters. */
export interface Branch {
  readonly params: readonly tf.Tensor[];
  readonly apply: (x: tf.Tensor3D, params: readonly tf.Tensor[]) => tf.Tensor3D;
}

/** One reversible layer: F is attention in the paper, G the feed-forward network. */
export interface ReversibleLayer {
  readonly f: Branch;
  readonly g: Branch;
}

/**
 * All layers in turn on x = [x₁ ; x₂], `[B, T, 2C]` → `[B, T, 2C]`. Only the output is kept for the gradient, which rebuilds
 * every layer's input from it.
 */
export function reversibleStack({ x, layers }: { x: tf.Tensor3D; layers: readonly ReversibleLayer[] }) {
  checkHalves("reversibleStack", x);
  const branches = layers.flatMap(({ f, g }) => [f, g]);
  const params = branches.flatMap((branch) => branch.params);
  const run = tf.customGrad((...inputs) => {
    const [save, x, given] = [inputs.at(-1) as unknown as tf.GradSaveFunc, inputs[0], inputs.slice(1, -1)];
    const y = storedStack({ x: x as tf.Tensor3D, layers: withParams(layers, given as tf.Tensor[]) });
    save([y, ...(given as tf.Tensor[])]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [y, ...given] = saved;
      return backwards(y as tf.Tensor3D, dy as tf.Tensor3D, withParams(layers, given));
    };
    return { value: y, gradFunc };
  });
  return run(x, ...params) as tf.Tensor3D;
}

/** The same function with the activations of every layer stored, as automatic differentiation does it. */
export function storedStack({
  x,
  layers,
}: {
  x: tf.Tensor3D;
  layers: readonly ReversibleLayer[];
}): tf.Tensor3D {
  return tf.tidy(() => {
    let state = halves("storedStack", x);
    for (const { f, g } of layers) {
      state = nextState(state, ([x1, x2]) => {
        const y1: tf.Tensor3D = tf.add(x1, f.apply(x2, f.params));
        return [y1, tf.add(x2, g.apply(y1, g.params))];
      });
    }
    return tf.concat([...state], 2);
  });
}

/** The inputs of the layers from their outputs `y [B, T, 2C]`. */
export function reversibleInverse({ y, layers }: { y: tf.Tensor3D; layers: readonly ReversibleLayer[] }) {
  return tf.tidy(() => {
    let state = halves("reversibleInverse", y);
    for (const { f, g } of layers.toReversed()) {
      state = nextState(state, ([y1, y2]) => {
        const x2: tf.Tensor3D = tf.sub(y2, g.apply(y1, g.params));
        return [tf.sub(y1, f.apply(x2, f.params)), x2];
      });
    }
    return tf.concat([...state], 2) as tf.Tensor3D;
  });
}

/** Feed-forward in `chunks` pieces of the sequence, each with a gradient of its own: the inner `[B, T, F]` never exists. */
export function chunkedFeedForward({
  x,
  chunks,
  ...weights
}: FeedForwardOptions & { chunks: number }): tf.Tensor3D {
  const { B, T, C } = dims("chunkedFeedForward", { x: [x, "B T C"] }) as Record<"B" | "T" | "C", number>;
  ensure(
    Number.isInteger(chunks) && chunks >= 1,
    `chunkedFeedForward: expected one or more chunks, got ${chunks}`,
  );
  const length = Math.ceil(T / chunks);
  const starts = Array.from({ length: Math.ceil(T / length) }, (_, n) => n * length);
  const piece = (x: tf.Tensor, from: number): tf.Tensor3D =>
    tf.slice(x as tf.Tensor3D, [0, from, 0], [B, Math.min(length, T - from), C]);
  const apply = (x: tf.Tensor, [w1, b1, w2, b2]: readonly tf.Tensor[]) =>
    feedForward({ x, w1, b1, w2, b2 } as unknown as FeedForwardOptions);
  const run = tf.customGrad((...inputs) => {
    const given = inputs.slice(0, -1) as tf.Tensor[];
    (inputs.at(-1) as unknown as tf.GradSaveFunc)(given);
    const value = tf.concat(
      starts.map((from) => apply(piece(given[0]!, from), given.slice(1))),
      1,
    );
    const gradFunc = (dy: tf.Tensor, [x, ...params]: tf.Tensor[]) => {
      const into: tf.Tensor[] = [];
      let sums: tf.Tensor[] | undefined;
      for (const from of starts) {
        const [dx, ...own] = tf.tidy(() => {
          const inputs = [piece(x!, from), ...params];
          return pullback((x, ...params) => apply(x!, params), inputs, piece(dy, from)).gradients;
        });
        into.push(dx!);
        sums = accumulate(sums, own);
      }
      return [tf.concat(into, 1), ...sums!];
    };
    return { value, gradFunc };
  });
  return tf.tidy(() => run(x, weights.w1, weights.b1, weights.w2, weights.b2)) as tf.Tensor3D;
}

/** Gradients of x and of all parameters in order, from the outputs: one layer's activations at a time. */
function backwards(y: tf.Tensor3D, dy: tf.Tensor3D, layers: readonly ReversibleLayer[]): tf.Tensor[] {
  let state = [...halves("reversibleStack", y), ...halves("reversibleStack", dy)];
  const gradients: tf.Tensor[][] = [];
  for (const { f, g } of layers.toReversed()) {
    const old = state;
    const [y1, y2, dy1, dy2, ...own] = tf.tidy(() => {
      const [y1, y2, dy1, dy2] = old as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
      const through = (branch: Branch, at: tf.Tensor3D, dy: tf.Tensor3D) =>
        pullback((x, ...params) => branch.apply(x as tf.Tensor3D, params), [at, ...branch.params], dy);
      const back2 = through(g, y1, dy2);
      const [x2, dx1] = [tf.sub(y2, back2.value), tf.add(dy1, back2.gradients[0]!)];
      const back1 = through(f, x2 as tf.Tensor3D, dx1 as tf.Tensor3D);
      const [x1, dx2] = [tf.sub(y1, back1.value), tf.add(dy2, back1.gradients[0]!)];
      return [x1, x2, dx1, dx2, ...back1.gradients.slice(1), ...back2.gradients.slice(1)];
    }) as tf.Tensor[];
    tf.dispose(old);
    state = [y1!, y2!, dy1!, dy2!] as tf.Tensor3D[];
    gradients.unshift(own);
  }
  return [tf.concat(state.slice(2), 2), ...gradients.flat()];
}

/** f(inputs), and the gradient of ⟨f(inputs), dy⟩ for each input: zeros where it plays no part. */
function pullback(f: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[], dy: tf.Tensor) {
  const engine = tf.engine();
  // tfjs lets go of the one tape it knows when a gradient is done, while the outer gradient still walks along its own.
  const outer = engine.state.activeTape;
  try {
    const { value, grads } = engine.gradients(() => f(...inputs), inputs, dy, true);
    return {
      value,
      gradients: inputs.map((input, n) => (grads[n] as tf.Tensor | undefined) ?? tf.zerosLike(input)),
    };
  } finally {
    engine.state.activeTape = outer;
  }
}

type Halves = [tf.Tensor3D, tf.Tensor3D];

/** What `step` makes of a state; the old one and everything in between is freed. */
function nextState(state: Halves, step: (state: Halves) => Halves): Halves {
  const next = tf.tidy(() => step(state));
  tf.dispose(state);
  return next;
}

function accumulate(sums: tf.Tensor[] | undefined, terms: tf.Tensor[]): tf.Tensor[] {
  if (sums === undefined) return terms;
  const next = sums.map((sum, n) => tf.add(sum, terms[n]!));
  tf.dispose([sums, terms]);
  return next;
}

/** The layers with other parameters, given in the order of F, G, F, G, … */
function withParams(layers: readonly ReversibleLayer[], params: readonly tf.Tensor[]): ReversibleLayer[] {
  let used = 0;
  const take = (branch: Branch): Branch => {
    const own = params.slice(used, used + branch.params.length);
    used += own.length;
    return { ...branch, params: own };
  };
  return layers.map(({ f, g }) => ({ f: take(f), g: take(g) }));
}

function halves(name: string, x: tf.Tensor3D): Halves {
  checkHalves(name, x);
  return tf.split(x, 2, 2) as Halves;
}

function checkHalves(name: string, x: tf.Tensor3D): void {
  const { C } = dims(name, { x: [x, "B T C"] });
  ensure(C! % 2 === 0, `${name}: expected an even width, both halves side by side, got ${C}`);
}
