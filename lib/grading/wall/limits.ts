/** How much of this machine one submission may use. */

export interface Limits {
  /** For all calls of one exercise together: processor time, and three times as many by the clock (`clock.ts`). */
  readonly seconds: number;
  /** What the process may allocate beyond what Node itself needs, in its heap and outside of it. */
  readonly memoryMB: number;
  /** What it may print before it is stopped. */
  readonly outputBytes: number;
  /** The largest value or trace that it may send back. */
  readonly valueBytes: number;
}

export const defaultLimits: Limits = Object.freeze({
  seconds: 10,
  memoryMB: 512,
  outputBytes: 1 << 20,
  valueBytes: 64 << 20,
});

/**
 * Threads of a process and all that come of it. Node has a dozen; nothing that a submission may do starts more, so who has
 * more has got through the permission model.
 */
export const MOST_THREADS = 64;

/**
 * Seconds that an exercise may keep its judge waiting on the busiest machine: a twentieth of a core to compute on, and time
 * to start processes and to compute what is expected. Who is silent for longer is stuck.
 */
export function longestSilence({ seconds }: Pick<Limits, "seconds">): number {
  return 60 + 20 * seconds;
}
