/** What the protocol needs of whoever runs cells. `kernel.ts` makes one of the session and the types. */

import type { Session, Types } from "../seams.js";

export interface Evaluator extends Session, Pick<Types, "complete" | "inspect" | "close"> {}
