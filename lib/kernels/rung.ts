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
