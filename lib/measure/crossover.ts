/** Where two measured curves meet: from which size on one way is cheaper than another. */

import { ensure } from "../shapes.js";

/** A measured curve: y at each x, x rising. */
export interface Curve {
  readonly xs: readonly number[];
  readonly ys: readonly number[];
}

export interface Crossover {
  readonly x: number;
  readonly y: number;
  /** True when it lies beyond the sizes that both curves measured: a forecast, not a finding. */
  readonly extrapolated: boolean;
  /** Which curve is cheaper (lower) beyond it. */
  readonly cheaperAfter: "a" | "b";
}

/** How far beyond the largest common size a forecast may reach. */
const REACH = 16;

/**
 * The last crossing of two curves, straight between their points on log-log axes.
 *
 * Where they do not cross within the sizes that both cover, a curve's last slope is continued, up to sixteen times
 * the largest common size. Undefined when they do not cross in all that.
 *
 * @throws RangeError when a curve has fewer than two rising positive sizes, or the two cover no common range.
 */
export function crossover(a: Curve, b: Curve): Crossover | undefined {
  const [f, g] = [logCurve("a", a), logCurve("b", b)];
  const start = Math.max(f.knots[0]!, g.knots[0]!);
  const end = Math.min(f.knots.at(-1)!, g.knots.at(-1)!);
  ensure(start < end, `crossover: expected curves over a common range, got ${range(a)} and ${range(b)}`);
  const reach = end + Math.log(REACH);
  const knots = [...f.knots, ...g.knots, reach].filter((u) => u >= start && u <= reach);
  const crossings = signChanges(
    knots.sort((u, v) => u - v),
    (u) => f.at(u) - g.at(u),
  );
  const found = crossings.findLast(({ u }) => u <= end) ?? crossings[0];
  if (found === undefined) return undefined;
  return {
    x: Math.exp(found.u),
    y: Math.exp(f.at(found.u)),
    extrapolated: found.u > end,
    cheaperAfter: found.rising ? "b" : "a",
  };
}

/** Where a function that is straight between the knots changes its sign. */
function signChanges(knots: readonly number[], gap: (u: number) => number): { u: number; rising: boolean }[] {
  const changes: { u: number; rising: boolean }[] = [];
  let left: { u: number; d: number } | undefined;
  let zero: number | undefined;
  for (const u of knots) {
    const d = gap(u);
    if (d === 0) {
      zero ??= u;
      continue;
    }
    if (left !== undefined && left.d < 0 !== d < 0) {
      changes.push({ u: zero ?? left.u + ((u - left.u) * left.d) / (left.d - d), rising: d > 0 });
    }
    left = { u, d };
    zero = undefined;
  }
  return changes;
}

function range({ xs }: Curve): string {
  return `${xs[0]} to ${xs.at(-1)}`;
}

function logCurve(name: string, { xs, ys }: Curve) {
  const rising = xs.every((x, i) => x > (xs[i - 1] ?? 0));
  ensure(
    xs.length >= 2 && xs.length === ys.length && rising && ys.every((y) => y > 0 && Number.isFinite(y)),
    `crossover: expected curve ${name} to have two or more rising sizes and a positive y for each, got xs = [${xs.join(", ")}], ys = [${ys.join(", ")}]`,
  );
  const [u, v] = [xs.map(Math.log), ys.map(Math.log)];
  return {
    knots: u,
    /** log y where log x = `at`, on the line of the segment around it, or of the last one. */
    at(at: number): number {
      const next = u.findIndex((knot, i) => i > 0 && knot >= at);
      const i = next < 0 ? u.length - 1 : next;
      return v[i]! + ((v[i]! - v[i - 1]!) * (at - u[i]!)) / (u[i]! - u[i - 1]!);
    },
  };
}
