/** What coordinator and workers say to each other. Both are trusted; submissions run in neither. */

import type { Lesson } from "../submissions/exercise.js";
import type { Diagnose } from "../submissions/types.js";
import type { Judgement, Task } from "./outcome.js";

export type ToWorker =
  | { readonly kind: "judge"; readonly task: Task }
  /** The answer to `diagnose`. */
  | { readonly kind: "diagnosed"; readonly found: Awaited<ReturnType<Diagnose>> }
  /** There is none: the language server does not start. */
  | { readonly kind: "undiagnosed"; readonly message: string };

export type FromWorker =
  | { readonly kind: "ready" }
  /** The judge goes on: sent at least once for each test. */
  | { readonly kind: "alive" }
  /** Asks for the errors of a text; at most once until the answer. One language server serves several workers. */
  | { readonly kind: "diagnose"; readonly text: string; readonly signatures: Lesson }
  | { readonly kind: "judged"; readonly judgement: Judgement }
  /** No submission can be judged, because the tests themselves do not load, say. */
  | { readonly kind: "broken"; readonly message: string };

export interface Services {
  /** Called now and then, so that a judge that hangs can be told from one that works. */
  readonly alive: () => void;
  readonly diagnose: Diagnose;
}

/** What a worker loads to judge with. */
export interface JudgeModule {
  judgeTask(task: Task, services: Services): Promise<Judgement>;
}

/** Thrown by `judgeTask` where the grader itself cannot work: the whole batch ends with this message. */
export class BrokenGrader extends Error {
  override readonly name = "BrokenGrader";
}
