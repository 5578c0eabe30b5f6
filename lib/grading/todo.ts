/** What stands in an exercise until somebody answers it. */

const brand = Symbol.for("workbook.todo");

/** Thrown by the stub of a function: `throw new Todo("softmax")`. */
export class Todo extends Error {
  /** The exported name that waits for an answer. */
  readonly exercise: string;

  constructor(exercise: string) {
    super(`${exercise} is not answered yet`);
    this.name = "Todo";
    this.exercise = exercise;
    Object.defineProperty(this, brand, { value: true });
  }
}

/**
 * Stands in for a constant: `export const headWidth: number = todo("headWidth")`. It must not throw, or one
 * unanswered constant would take the file's other exercises with it.
 */
export function todo<T>(exercise: string): T {
  return new Todo(exercise) as unknown as T;
}

/** Recognised by a brand rather than by its class: a process may hold two copies of this module. */
export function isTodo(value: unknown): value is Todo {
  return typeof value === "object" && value !== null && brand in value;
}
