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
