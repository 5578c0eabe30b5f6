/**
 * Executable derivations: every line is a formula and a function, and the lines must agree on random tensors.
 *
 *   await derive({
 *     title: "A squared sum",
 *     given: (random) => ({ a: random.normalTensor([4]), b: random.normalTensor([4]) }),
 *     steps: [
 *       { tex: "(a + b)^2", value: ({ a, b }) => tf.square(tf.add(a, b)), because: "what we start from" },
 *       { tex: "a^2 + 2ab + b^2", value: ({ a, b }) => …, because: "the binomial theorem" },
 *     ],
 *   });
 */

import * as tf from "@tensorflow/tfjs";
import { largestError, type Numeric, position } from "./assert-close.js";
import { showDerivation } from "./derive/show.js";
import { display } from "./display.js";
import { released } from "./measure/run.js";
import { type Random, random } from "./random.js";
import { ensure, formatShape } from "./shapes.js";

/**
 * How a line relates to the one before: equal up to rounding; approximately equal (a Monte Carlo estimate, say); at
 * most, element by element; tending to. Approximation and limit need a `tolerance`, and `because` says why so much.
 */
export type Relation = "=" | "≈" | "≤" | "→";

/** A line's value: a tensor, a number, a list of numbers, or numbers with their shape. */
export type Value = Numeric | ArrayLike<number>;

export interface Step<G> {
  /** The line in LaTeX, without its relation sign. */
  readonly tex: string;
  /** The line as a function of what is given. Its tensors are freed for it. */
  readonly value: (given: G) => Value | Promise<Value>;
  /** Why this line follows from the one before; may hold `$LaTeX$`. */
  readonly because: string;
  readonly relation?: Relation;
  /** Largest error allowed against the line before, relative to max(1, |this line|). */
  readonly tolerance?: number;
}

export interface DerivationOptions<G> {
  readonly title: string;
  /** LaTeX of a symbol → what it stands for, shown above the lines. */
  readonly symbols?: Readonly<Record<string, string>>;
  /** Draws the tensors and numbers that the lines are about. Its tensors are freed for it. */
  readonly given: (random: Random) => G;
  readonly steps: readonly Step<G>[];
  readonly seed?: number | string;
  /** Random draws on which the lines must agree. */
  readonly draws?: number;
}

/** A line after its check. */
export interface StepResult {
  readonly tex: string;
  readonly because: string;
  readonly relation: Relation;
  /** Largest error over all draws; infinite for NaN or another shape; undefined for the first line. */
  readonly error?: number;
  readonly tolerance: number;
  readonly ok: boolean;
  /** Both values where they differ most; undefined where nothing differs. */
  readonly found?: string;
}

export interface Derivation {
  readonly title: string;
  readonly steps: readonly StepResult[];
}

/** What "=" forgives unless a line says otherwise: float32 sums of a few hundred terms round this much. */
export const EQUALITY_TOLERANCE = 1e-5;

/**
 * Checks a derivation line by line on several random draws, and shows it with the reason and the largest error of
 * each line. It returns nothing, so that a kernel that prints a cell's last value adds nothing.
 *
 * @throws Error, after showing, when a line is wrong: the message names the line, both values, error and tolerance.
 * @throws RangeError when the derivation itself is malformed.
 */
export async function derive<G>(options: DerivationOptions<G>): Promise<void> {
  await derivation(options);
}

/** Does what `derive` does, and returns what it found. */
export async function derivation<G>(options: DerivationOptions<G>): Promise<Derivation> {
  const { title, symbols = {}, given, seed = 1, draws = 3 } = options;
  const name = `derive "${title}"`;
  ensure(options.steps.length >= 2, `${name}: expected at least two lines, got ${options.steps.length}`);
  ensure(Number.isInteger(draws) && draws >= 1, `${name}: expected one or more draws, got ${draws}`);
  const steps = options.steps.map((step, i) => complete(`${name}: line ${i + 1}`, step));

  const worst: Difference[] = steps.map(() => ({ error: 0 }));
  for (let draw = 0; draw < draws; draw++) {
    const values = await released(
      () => given(random(`${seed}/${draw}`)),
      (g) => evaluate(name, steps, g as G),
    );
    for (let i = 1; i < steps.length; i++) {
      const difference = compare(values[i - 1]!, values[i]!, steps[i]!.relation);
      if (difference.error > worst[i]!.error) worst[i] = difference;
    }
  }

  const results = steps.map(({ tex, because, relation, tolerance }, i): StepResult => {
    const line = { tex, because, relation, tolerance };
    return i === 0 ? { ...line, ok: true } : { ...line, ...worst[i]!, ok: worst[i]!.error <= tolerance };
  });
  display(showDerivation({ title, symbols, draws, steps: results }));
  const wrong = results.findIndex(({ ok }) => !ok);
  if (wrong >= 0) {
    const { tex, found, error, tolerance } = results[wrong]!;
    throw new Error(
      `${name}: line ${wrong + 1}, ${tex}, is wrong: ${found} (largest error ${error!.toExponential(2)}, tolerance ${tolerance})`,
    );
  }
  return { title, steps: results };
}

interface Plain {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

interface Difference {
  readonly error: number;
  readonly found?: string;
}

function complete<G>(line: string, step: Step<G>): Required<Step<G>> {
  const { tex, relation = "=", tolerance } = step;
  ensure(
    !/^\s*(=|\\approx|\\leq?\b|\\to\b)/.test(tex),
    `${line}: expected a formula without its relation sign (that is the step's \`relation\`), got ${tex}`,
  );
  ensure(
    tolerance !== undefined || relation === "=" || relation === "≤",
    `${line}: expected a tolerance for the relation ${relation}, got none`,
  );
  return { ...step, relation, tolerance: tolerance ?? EQUALITY_TOLERANCE };
}

/** Every line's value on one draw, read back from the backend. */
async function evaluate<G>(name: string, steps: readonly Step<G>[], given: G): Promise<Plain[]> {
  const values: Plain[] = [];
  for (const [i, { tex, value }] of steps.entries()) {
    try {
      values.push(await released(() => value(given), plain));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${name}: line ${i + 1}, ${tex}, has no value: ${reason}`, { cause: error });
    }
  }
  return values;
}

async function plain(value: Value): Promise<Plain> {
  if (typeof value === "number") return { shape: [], data: [value] };
  if (value instanceof tf.Tensor) return { shape: value.shape, data: await value.data() };
  if ("data" in value) return value as Plain;
  return { shape: [value.length], data: value };
}

/** How far `right` is from its relation to the line before. */
function compare(left: Plain, right: Plain, relation: Relation): Difference {
  const [before, after] = [formatShape(left.shape), formatShape(right.shape)];
  if (before !== after) {
    return { error: Number.POSITIVE_INFINITY, found: `shape ${before} became ${after}` };
  }
  const bound = right.data;
  // Where "≤" holds, the left side counts as equal to its bound.
  const claim = relation === "≤" ? Array.from(left.data, (a, i) => Math.max(a, bound[i]!)) : left.data;
  const { error, index } = largestError(claim, bound);
  const place = bound.length === 1 ? "" : ` at ${formatShape(position(index, right.shape))}`;
  return { error, found: `${digits(left.data[index])} became ${digits(bound[index])}${place}` };
}

/** All the digits that float32 has, and no more. */
function digits(value = Number.NaN): string {
  return String(Number(value.toPrecision(7)));
}
