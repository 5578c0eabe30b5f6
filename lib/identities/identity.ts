/**
 * An identity: one sentence of mathematics with the code that checks it. It is written once per paper and judges
 * the library, the solution and a learner's answer alike, which is why a form may answer asynchronously and in
 * plain numbers.
 */

import type { Numeric } from "../assert-close.js";
import { display } from "../display.js";
import { type Random, random } from "../random.js";

/** A way of computing something: tensors and numbers in, a tensor (or its plain numbers) out. */
export type Form<Arguments extends readonly unknown[]> = (...args: Arguments) => Numeric | Promise<Numeric>;

export interface Identity<F> {
  /** What must hold, as a sentence: "row t does not change when later keys change". */
  readonly sentence: string;
  /** What to think about when it does not hold. */
  readonly hint?: string;
  /** Throws an AssertionError when `form` breaks it. */
  check(form: F, random: Random): Promise<void>;
}

export interface IdentityResult {
  readonly sentence: string;
  readonly holds: boolean;
  /** What went wrong; undefined where it holds. */
  readonly message?: string;
}

/**
 * Checks a form against identities, shows a table of them under the cell, and throws when one does not hold.
 *
 * @param label what is being judged, the table's title.
 */
export async function checkIdentities<F>(
  label: string,
  form: F,
  identities: readonly Identity<F>[],
  { seed = 1 }: { seed?: number } = {},
): Promise<void> {
  const results: IdentityResult[] = [];
  for (const { sentence, check } of identities) {
    try {
      await check(form, random(`${seed} ${sentence}`));
      results.push({ sentence, holds: true });
    } catch (error) {
      results.push({
        sentence,
        holds: false,
        message: error instanceof Error ? error.message : String(error),
      });
    }
  }
  const broken = results.filter(({ holds }) => !holds);
  const rows = results.map(
    ({ sentence, holds, message }) =>
      `| ${holds ? "✓" : "✗"} | ${sentence}${message ? `: **${message}**` : ""} |`,
  );
  display({
    "text/markdown": [`| | ${label} |`, "|:-:|:--|", ...rows].join("\n"),
    "text/plain": [label, ...rows].join("\n"),
  });
  if (broken.length > 0) {
    throw new Error(
      `${label}: ${broken.length} of ${results.length} identities do not hold: ${broken[0]!.message}`,
    );
  }
}
