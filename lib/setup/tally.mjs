// Adds up what the checks of `npm test` found.

/**
 * @typedef {object} Result
 * @property {string} name
 * @property {number} seconds
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string[]} reasons what was skipped, and why
 */

/** A line per check, what was skipped, and the last line `N passed, N failed, N skipped`. */
export function formatSummary(/** @type {Result[]} */ results) {
  const width = Math.max(...results.map(({ name }) => name.length));
  const rows = results.map(({ name, seconds, ...counts }) => {
    return `  ${name.padEnd(width)}  ${`${seconds.toFixed(1)} s`.padStart(8)}  ${formatCounts(counts)}`;
  });
  const reasons = results.flatMap(({ name, reasons }) =>
    reasons.map((reason) => `  skipped in ${name}: ${reason}`),
  );
  /** @param {"passed" | "failed" | "skipped" | "seconds"} key */
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  const total = `  ${"in all".padEnd(width)}  ${`${sum("seconds").toFixed(1)} s`.padStart(8)}`;
  const counts = formatCounts({ passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") });
  return `\n${[...rows, total, ...reasons].join("\n")}\n\n${counts}\n`;
}

/** @param {{ passed: number, failed: number, skipped: number }} counts */
function formatCounts({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
