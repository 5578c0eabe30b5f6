/** What a graded test throws where it cannot be run here, through no fault of the answer: it is counted as skipped. */

const brand = Symbol.for("workbook.skip");

export class Skip extends Error {
  override readonly name = "Skip";

  /** @param reason one sentence: what is missing, and how to get it. */
  constructor(reason: string) {
    super(reason);
    Object.defineProperty(this, brand, { value: true });
  }
}

/** Recognised by a brand rather than by its class: a process may hold two copies of this module. */
export function isSkip(value: unknown): value is Skip {
  return typeof value === "object" && value !== null && brand in value;
}
