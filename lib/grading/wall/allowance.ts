/** The time that an exercise has for all of its calls together. */

import type { Clock, Spent } from "./clock.js";
import type { Limits } from "./limits.js";

/** An answer may also wait (asleep, stopped): so many times its seconds by the clock. */
export const CLOCK_FACTOR = 3;

export class Allowance {
  #left: Spent;

  constructor({ seconds }: Pick<Limits, "seconds">) {
    this.#left = { working: seconds, elapsed: CLOCK_FACTOR * seconds };
  }

  get isUsedUp(): boolean {
    return least(this.#left) <= 0;
  }

  /**
   * Does work at the expense of this allowance.
   *
   * @param work is given what tells the seconds after which it may be used up: never too late, for neither kind of
   * time passes faster than the clock.
   */
  async spend<T>(clock: Clock, work: (left: () => number) => Promise<T>): Promise<T> {
    const [before, start] = [this.#left, clock()];
    const look = () => {
      this.#left = minus(before, minus(clock(), start));
      return least(this.#left);
    };
    try {
      return await work(look);
    } finally {
      look();
    }
  }
}

function minus(a: Spent, b: Spent): Spent {
  return { working: a.working - b.working, elapsed: a.elapsed - b.elapsed };
}

function least({ working, elapsed }: Spent): number {
  return Math.min(working, elapsed);
}
