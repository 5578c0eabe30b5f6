/** What the playground's process says; what it is told is a `Job`. */

import type { Failure } from "./failure.js";
import type { Ran } from "./job.js";
import type { Stage } from "./runner.js";

export type FromChild =
  /** It has a device, and waits. */
  | { readonly kind: "ready" }
  | { readonly kind: "stage"; readonly stage: Stage }
  | { readonly kind: "ran"; readonly ran: Ran }
  | { readonly kind: "failed"; readonly failure: Failure };
