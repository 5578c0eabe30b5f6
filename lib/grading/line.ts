/** Texts of a submission's making inside messages of ours. */

/** Longest that a report carries. */
const LONGEST = 500;

/** One line of bounded length, without what a terminal would obey. */
export function line(text: string): string {
  // A long text is cut first: replacing all of it takes time.
  const start = text.slice(0, LONGEST + 1).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
  return text.length <= LONGEST ? start : `${start.slice(0, LONGEST)}…`;
}
