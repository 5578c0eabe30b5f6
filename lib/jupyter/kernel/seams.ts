/** Types on which the kernel's parts meet: protocol, session and types know each other only through these. */

import type { MimeBundle } from "../../display.js";

/** What a cell shows, in order. Plain data: it crosses a thread. */
export type CellOutput =
  | { readonly kind: "stream"; readonly name: "stdout" | "stderr"; readonly text: string }
  | { readonly kind: "display"; readonly data: MimeBundle; readonly metadata?: object; readonly id?: string }
  | { readonly kind: "update"; readonly data: MimeBundle; readonly metadata?: object; readonly id: string }
  | { readonly kind: "result"; readonly data: MimeBundle; readonly metadata?: object }
  | { readonly kind: "clear"; readonly wait: boolean };

/** An error as Jupyter words it; lines of the traceback may hold ANSI colours. */
export interface CellError {
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: readonly string[];
}

export interface Cell {
  readonly code: string;
  /** The execution count: names the cell in tracebacks. */
  readonly count: number;
  readonly silent: boolean;
}

/** Evaluates cells and keeps their values. Knows nothing of Jupyter. */
export interface Session {
  /** Runs one cell; resolves when it and what it awaits have ended. Never rejects. */
  execute(cell: Cell): Promise<{ readonly error?: CellError }>;
  /** Where outputs go; `cell` is the count of the cell that caused one, also when it comes late. */
  onOutput: (output: CellOutput, cell: number) => void;
  /** Errors of timers and unhandled rejections, with the cell that started them. */
  onLateError: (error: CellError, cell: number) => void;
  /** The value of one of an execute_request's user_expressions. */
  evaluate(expression: string): Promise<{ readonly data: MimeBundle } | { readonly error: CellError }>;
  isComplete(code: string): {
    readonly status: "complete" | "incomplete" | "invalid";
    readonly indent?: string;
  };
  /** Rejects the await a running cell hangs on, and returns the error to report for an interrupted cell. */
  interrupted(): CellError;
}

export interface Diagnostic {
  /** TypeScript's number: 2322. */
  readonly code: number;
  readonly message: string;
  /** UTF-16 offsets into the cell. */
  readonly start: number;
  readonly end: number;
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;
}

/** The language service over all cells. Knows nothing of evaluation. */
export interface Types {
  /** Type errors of a cell, given the cells committed so far. */
  check(code: string): Promise<readonly Diagnostic[]>;
  /** The cell's declarations are visible to later cells from now on. */
  commit(code: string, count: number): void;
  complete(
    code: string,
    offset: number,
  ): Promise<{ start: number; end: number; items: readonly { label: string; type?: string }[] }>;
  inspect(code: string, offset: number): Promise<{ markdown: string; text: string } | undefined>;
  close(): Promise<void>;
}
