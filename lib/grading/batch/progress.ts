/** How far a batch is: one line on a terminal, redrawn; a line for each finished submission elsewhere. */

import { printable } from "../submissions/submission.js";
import type { BatchEvent } from "./grade.js";
import { statusOf } from "./outcome.js";

const redrawMs = 250;

/** Call `close` at the end. */
export class BatchProgress {
  readonly #stream: NodeJS.WriteStream;
  readonly #total: number;
  readonly #running = new Set<string>();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #start = performance.now();
  #done = 0;
  #graded = 0;
  #failed = 0;

  constructor(stream: NodeJS.WriteStream, total: number) {
    this.#stream = stream;
    this.#total = total;
    if (stream.isTTY) this.#timer = setInterval(() => this.#draw(), redrawMs);
  }

  on(event: BatchEvent): void {
    if (event.kind === "resumed") {
      this.#done += event.done;
      this.#line(`resumed: ${event.done} of ${event.total} already graded`);
      return;
    }
    const student = printable(event.task.student);
    if (event.kind === "started") this.#running.add(student);
    if (event.kind === "replaced") {
      this.#line(`a worker ended while it judged ${student} (${event.how}); trying once more`);
    }
    if (event.kind === "finished") {
      this.#running.delete(student);
      this.#done++;
      if (event.seconds > 0) this.#graded++;
      const { outcome, seconds } = event;
      const isGraded = statusOf(outcome) === "graded";
      if (!isGraded) this.#failed++;
      const { score, maxScore } = outcome.report;
      const grade = isGraded
        ? `${score} of ${maxScore}`
        : `could not be graded: ${printable(outcome.reason)}`;
      const width = String(this.#total).length;
      const count = `[${String(this.#done).padStart(width)}/${this.#total}]`;
      if (!this.#stream.isTTY)
        this.#line(`${count} ${student}: ${grade} (${seconds.toFixed(1)} s${this.#rest()})`);
    }
    if (this.#stream.isTTY) this.#draw();
  }

  close(): void {
    clearInterval(this.#timer);
    if (this.#stream.isTTY) this.#stream.write("\r\u001B[K");
  }

  #line(text: string): void {
    this.#stream.write(this.#stream.isTTY ? `\r\u001B[K${text}\n` : `${text}\n`);
  }

  #draw(): void {
    const share = this.#total === 0 ? 1 : this.#done / this.#total;
    const full = Math.round(share * 20);
    const bar = `${"█".repeat(full)}${"░".repeat(20 - full)}`;
    const failed = this.#failed === 0 ? "" : `, ${this.#failed} could not be graded`;
    const now = [...this.#running].join(", ");
    const text = `${bar} ${this.#done} of ${this.#total}${failed}${this.#rest()}  ${now}`;
    // A line that wraps could not be redrawn.
    this.#stream.write(`\r\u001B[K${clip(text, (this.#stream.columns || 80) - 1)}`);
  }

  /** From the mean time of what this run has graded. */
  #rest(): string {
    const left = this.#total - this.#done;
    if (this.#graded === 0 || left === 0) return "";
    return `, ${duration((left * (performance.now() - this.#start)) / this.#graded / 1000)} left`;
  }
}

/** 42 s, 3 min, 1 h 5 min. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
