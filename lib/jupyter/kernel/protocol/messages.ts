/** What the two threads say to each other. Everything is plain data: it is cloned on its way. */

import type { Json } from "../../wire.js";
import type { CellError } from "../seams.js";

/** What the worker thread is given when it starts. */
export interface WorkerOptions {
  readonly connectionFile: string;
  readonly memory: SharedArrayBuffer;
  /** The version of TypeScript, for `kernel_info`. */
  readonly languageVersion: string;
  readonly implementationVersion: string;
  /** Bytes that the main thread's heap may hold. */
  readonly heapLimit: number;
}

/** Why a cell is stopped: somebody asked for it, or it is about to fill the heap. */
export type StopReason = "asked" | "memory";

/** Questions that only the main thread can answer, and their answers. Offsets are UTF-16. */
export interface Questions {
  complete: {
    ask: { code: string; offset: number };
    answer: { start: number; end: number; items: readonly { label: string; type?: string }[] };
  };
  inspect: { ask: { code: string; offset: number }; answer: { markdown: string; text: string } | undefined };
  isComplete: { ask: { code: string }; answer: { status: string; indent?: string } };
  comm: { ask: CommEvent; answer: { known: boolean } };
}
export type QuestionKind = keyof Questions;

export interface CommEvent {
  readonly type: "comm_open" | "comm_msg" | "comm_close";
  readonly id: string;
  /** Only of `comm_open`. */
  readonly target: string;
  readonly data: unknown;
  readonly metadata: unknown;
  readonly buffers: readonly Uint8Array[];
}

/** How a cell ended. */
export interface CellEnd {
  readonly error?: CellError;
  readonly expressions: Json;
  readonly payload: readonly Json[];
}

export type ToMain =
  | {
      readonly kind: "execute";
      readonly run: number;
      readonly code: string;
      readonly count: number;
      readonly silent: boolean;
      readonly allowStdin: boolean;
      readonly expressions: Readonly<Record<string, string>>;
    }
  | {
      [K in QuestionKind]: {
        readonly kind: "question";
        readonly id: number;
        readonly about: K;
        readonly ask: Questions[K]["ask"];
      };
    }[QuestionKind]
  | { readonly kind: "interrupt"; readonly run: number; readonly reason: StopReason }
  | { readonly kind: "input"; readonly id: number; readonly value?: string; readonly refused?: string }
  | { readonly kind: "end" };

/** Messages whose order matters to the reader. `at` is their barrier in the ring: text before it goes out first. */
export type Ordered = {
  readonly at: number;
} /** `json` is a `CellOutput` that is no stream; `size` has been charged to the shared account. */ & (
  | { readonly kind: "output"; readonly cell: number; readonly json: string; readonly size: number }
  | { readonly kind: "late"; readonly cell: number; readonly error: CellError }
  | { readonly kind: "done"; readonly run: number; readonly end: CellEnd }
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown; readonly failed?: string }
  | { readonly kind: "prompt"; readonly id: number; readonly text: string; readonly password: boolean }
  | { readonly kind: "comm"; readonly event: CommEvent }
  /** The process ends; `how` is a sentence without its full stop. */
  | { readonly kind: "exit"; readonly how: string }
);

export type ToWorker =
  | Ordered
  /** There is text in the ring. */
  | { readonly kind: "text" }
  /** SIGINT, when the main thread was the one to hear it. */
  | { readonly kind: "interrupt" };
