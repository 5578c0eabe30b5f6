/** What coordinator and workers say to each other. Both are trusted; submissions run in neither. */

import type { Judgement, Task } from "./outcome.js";

export type ToWorker = { readonly task: Task };

export type FromWorker =
  | { readonly kind: "ready" }
  /** The judge goes on: sent at least once for each test. */
  | { readonly kind: "alive" }
  | { readonly kind: "judged"; readonly judgement: Judgement }
  /** No submission can be judged, because the tests themselves do not load, say. */
  | { readonly kind: "broken"; readonly message: string };

/** What a worker loads to judge with. */
export interface JudgeModule {
  /** `alive` is called now and then, so that a judge that hangs can be told from one that works. */
  judgeTask(task: Task, alive: () => void): Promise<Judgement>;
}

/** Thrown by `judgeTask` where the grader itself cannot work: the whole batch ends with this message. */
export class BrokenGrader extends Error {
  override readonly name = "BrokenGrader";
}
