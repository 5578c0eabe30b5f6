/** Questions whose answer is one of several words. */

import { AssertionError } from "chai";

/** Throws chai's AssertionError, which repeats the answer and not the right word, unless the two are the same. */
export function expectWord(given: string, right: string): void {
  if (given !== right) throw new AssertionError(`"${given}" is not it`);
}
