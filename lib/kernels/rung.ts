/** Which version of a kernel runs. */

import { hasFeature } from "./device.js";

/**
 * The wanted rung, or the best that this device and these widths allow: the last of `ladder` needs subgroups, all but the
 * first read four numbers at a time.
 *
 * @throws RangeError where the wanted one cannot run.
 */
export function usableRung<R extends string>(
  kernel: string,
  ladder: readonly [plain: R, tiled: R, subgroup: R],
  wanted: R | undefined,
  ...widths: readonly number[]
): R {
  const highest = widths.some((width) => width % 4 !== 0) ? 0 : hasFeature("subgroups") ? 2 : 1;
  if (wanted === undefined) return ladder[highest]!;
  if (ladder.indexOf(wanted) <= highest) return wanted;
  throw new RangeError(
    `${kernel}: expected a rung that runs here with widths ${widths.join(" and ")} (${ladder[highest]} at best), got ${wanted}`,
  );
}

/**
 * True where so many invocations keep a large GPU busy: 132 processors of 512 threads, a quarter of what an H100 holds. A scan that walks
 * over all positions in that many reads everything once; with fewer, chunks side by side are worth computing everything twice. Reasoned
 * from an H100's bandwidth, latency and rate of exponentials, not measured.
 */
export function keepsBusy(invocations: number): boolean {
  return invocations >= 65_536;
}
