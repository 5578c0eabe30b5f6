/** Axes: a title with its unit, a scale, and ticks where people expect them. */

import { ensure } from "../shapes.js";
import type { Spec } from "./figure.js";
import { formatNumber, formatQuantity, siSymbol } from "./numbers.js";

export interface AxisOptions {
  /** What is measured: `time`. */
  readonly label: string;
  /** In what: `ms`. Bytes and FLOPs get SI prefixes. A number without one says so: `no unit`. */
  readonly unit: string;
  readonly scale?: "linear" | "log";
  /** Smallest and largest value shown; taken from the data unless given. */
  readonly domain?: readonly [number, number];
}

/** About how many ticks a linear axis has: more would crowd numbers of five digits. */
const LINEAR_TICKS = 8;

/** `time (ms)` */
export function axisTitle(name: string, { label, unit }: AxisOptions): string {
  ensure(
    label !== "" && unit !== "",
    `${name}: expected an axis label and a unit, got "${label}" and "${unit}"`,
  );
  return `${label} (${unit})`;
}

/** The position channel of `field`, its axis showing exactly the domain. */
export function position(
  name: string,
  field: string,
  axis: AxisOptions & { readonly domain: readonly [number, number] },
  ticks?: readonly number[],
): Spec {
  const { scale = "linear", domain } = axis;
  return {
    field,
    type: "quantitative",
    title: axisTitle(name, axis),
    scale: { type: scale, domain, nice: false, ...(scale === "linear" ? { zero: false } : {}) },
    axis: { ...tickLabels(axis), ...(ticks === undefined ? { tickCount: LINEAR_TICKS } : { values: ticks }) },
  };
}

function tickLabels({ unit }: AxisOptions): Spec {
  const symbol = siSymbol(unit);
  if (symbol === undefined) return { format: ",.10~g" };
  // d3 writes 1.5M; people read 1.5 MB.
  return { labelExpr: `replace(format(datum.value, '~s'), /([a-zA-Z]?)$/, ' $1${symbol}')` };
}

/** The data's range on a log axis with a margin of `margin` of its length at each end. */
export function logDomain(values: readonly number[], margin = 0.05): [number, number] {
  const [low, high] = extent(values);
  const pad = low === high ? Math.log(2) : margin * Math.log(high / low);
  return [low * Math.exp(-pad), high * Math.exp(pad)];
}

/** What an axis shows: its own domain, which must rise, or the data's range with a margin. */
export function plotDomain(
  name: string,
  axis: AxisOptions,
  values: readonly number[],
  margin = 0.05,
): [number, number] {
  if (axis.domain !== undefined) {
    const [low, high] = axis.domain;
    ensure(
      low < high && Number.isFinite(high - low) && (axis.scale !== "log" || low > 0),
      `${name}: expected a rising domain${axis.scale === "log" ? " above 0" : ""} for ${axis.label}, got ${low} to ${high}`,
    );
    return [low, high];
  }
  if (axis.scale === "log") return logDomain(values, margin);
  const [low, high] = extent(values);
  const pad = low === high ? Math.abs(low) / 2 || 1 : margin * (high - low);
  return [low - pad, high + pad];
}

/** Ticks of a log axis, at the values themselves where those are given and few; a linear axis leaves them to Vega. */
export function plotTicks(
  axis: AxisOptions,
  domain: [number, number],
  values?: readonly number[],
): number[] | undefined {
  if (axis.scale !== "log") return undefined;
  return values === undefined ? logTicks(domain) : sizeTicks(values, domain);
}

/** Powers of ten within a log domain; a short domain gets 2 and 5 too, or even steps. At most nine. */
export function logTicks([low, high]: readonly [number, number]): number[] {
  const inside = (mantissas: readonly number[], stride = 1) => {
    const ticks: number[] = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      if (power % stride !== 0) continue;
      // Parsed, because 5 · 10⁻³ in floating point prints as 0.005000000000000001.
      for (const mantissa of mantissas) ticks.push(Number(`${mantissa}e${power}`));
    }
    return ticks.filter((tick) => tick >= low && tick <= high);
  };
  const decades = inside([1]);
  if (decades.length > 9) return inside([1], Math.ceil(decades.length / 9));
  if (decades.length >= 4) return decades;
  const fine = inside([1, 2, 5]);
  return fine.length >= 3 ? fine : inside([1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9]);
}

/** The values themselves where there are few and none crowd, otherwise `logTicks`. */
export function sizeTicks(values: readonly number[], domain: readonly [number, number]): number[] {
  const sizes = [...new Set(values)].sort((a, b) => a - b);
  const least = (domain[1] / domain[0]) ** (1 / 12);
  const crowded = sizes.some((size, i) => i > 0 && size / sizes[i - 1]! < least);
  return crowded ? logTicks(domain) : sizes;
}

/** Smallest and largest; a loop, because spreading a long array overflows the stack. */
export function extent(values: Iterable<number>): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** `1.2 to 99 ms`, for descriptions. */
export function rangeText(values: Iterable<number>, unit: string): string {
  const [low, high] = extent(values);
  const from =
    siSymbol(unit) === undefined ? formatNumber(low, { significant: 3 }) : formatQuantity(low, unit);
  return low === high ? formatQuantity(low, unit) : `${from} to ${formatQuantity(high, unit)}`;
}
