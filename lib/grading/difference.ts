/** A short diff: where two texts first part, and a few lines of each. */

const SHOWN = 5;

/** Empty for equal texts; else lines that start with `-` (only in `old`) and `+` (only in `next`). */
export function shortDiff(old: string, next: string): string {
  if (old === next) return "";
  const [before, after] = [old.split("\n"), next.split("\n")];
  const start = before.findIndex((line, i) => line !== after[i]);
  const first = start < 0 ? before.length : start;
  // What both end with is no difference; it may not reach back over what both begin with.
  const most = Math.min(before.length, after.length) - first;
  let same = 0;
  while (same < most && before.at(-1 - same) === after.at(-1 - same)) same++;
  const lines = [
    ...changed(before, first, same).map((line) => `- ${line}`),
    ...changed(after, first, same).map((line) => `+ ${line}`),
  ];
  return `  line ${first + 1}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

function changed(lines: readonly string[], first: number, same: number): string[] {
  const all = lines.slice(first, lines.length - same);
  return all.length <= SHOWN ? all : [...all.slice(0, SHOWN), `… ${all.length - SHOWN} more lines`];
}
