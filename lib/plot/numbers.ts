/** Numbers as people read them: thousands separated, SI prefixes for bytes and FLOPs; and short ones for specs. */

/** The nearest number of five significant digits; integers stay exact. Keeps specs small. */
export function compact(value: number): number {
  return Number.isSafeInteger(value) ? value : Number(value.toPrecision(5));
}

/**
 * `1,234,567`, `0.1235`, `1.5e-7`: integers in full, others with `significant` digits, or with exactly `decimals`
 * digits after the point where given.
 */
export function formatNumber(
  value: number,
  { significant = 4, decimals }: { significant?: number; decimals?: number } = {},
): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const exact = decimals === undefined && Number.isSafeInteger(value);
  if (!exact && decimals === undefined && size > 0 && (size < 1e-4 || size >= 1e9)) {
    return minus(value.toExponential(significant - 1).replace(/\.?0+e/, "e"));
  }
  const options: Intl.NumberFormatOptions =
    decimals !== undefined
      ? { minimumFractionDigits: decimals, maximumFractionDigits: decimals }
      : exact
        ? {}
        : { maximumFractionDigits: Math.max(0, significant - 1 - Math.floor(Math.log10(size))) };
  return minus(value.toLocaleString("en-US", options));
}

/** `1.5 MB`, `17.2 GFLOP`: the value over the power of 1000 that leaves one to three digits before the point. */
export function formatSi(value: number, symbol: string, significant = 3): string {
  if (!Number.isFinite(value)) return formatNumber(value);
  const prefixes = ["", "k", "M", "G", "T", "P", "E"];
  // Rounding first: 999,999 bytes are 1 MB, not 1,000 kB.
  const rounded = Number(value.toPrecision(significant));
  const power = Math.floor(Math.log10(Math.max(1, Math.abs(rounded))) / 3 + 1e-9);
  const step = Math.min(prefixes.length - 1, power);
  return `${formatNumber(rounded / 1000 ** step, { significant })} ${prefixes[step]}${symbol}`;
}

/** The symbol that SI prefixes go before, where a unit is counted in thousands and millions; otherwise nothing. */
export function siSymbol(unit: string): string | undefined {
  if (/^(bytes?|B)$/.test(unit)) return "B";
  return /^FLOPs?$/i.test(unit) ? "FLOP" : undefined;
}

/** A value with its unit: `1.5 MB`, `12.3 ms`; a bare number for the unit `no unit`. */
export function formatQuantity(value: number, unit: string): string {
  const symbol = siSymbol(unit);
  if (symbol !== undefined) return formatSi(value, symbol);
  const number = formatNumber(value, { significant: 3 });
  return unit === "no unit" ? number : `${number} ${unit}`;
}

function minus(text: string): string {
  return text.replace(/^-/, "−");
}
