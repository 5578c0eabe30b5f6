/** What a run says: a line for each failure, a table of times, and progress while it lasts. */

import type { Report, RunEvent } from "./run.js";

/** `notebooks/x.ipynb, cell 5 (const a = 1): message`, the message's further lines indented. */
export function formatFailure({ notebook, failure }: Report): string {
  if (failure === undefined) return "";
  const { cell, line, message } = failure;
  const where = cell === undefined ? notebook : `${notebook}, cell ${cell} (${clip(line ?? "", 60)})`;
  return `${where}: ${message.replaceAll("\n", "\n    ")}`;
}

/** The table of times: notebook, cells, seconds, slowest cell, status; and a total for several notebooks. */
export function formatTable(reports: readonly Report[], seconds: number): string {
  const rows = reports.map(({ notebook, cells, seconds, slowest, ok }) => [
    notebook,
    String(cells),
    seconds.toFixed(1),
    slowest === undefined ? "" : `${slowest.seconds.toFixed(1)} s in cell ${slowest.cell}`,
    ok ? "ok" : "failed",
  ]);
  const header = ["notebook", "cells", "seconds", "slowest cell", "status"];
  const failed = reports.filter(({ ok }) => !ok).length;
  const total = ["total", "", seconds.toFixed(1), "", failed === 0 ? "ok" : `${failed} failed`];
  const table = [header, ...rows, ...(reports.length > 1 ? [total] : [])];
  const widths = header.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const rightAligned = [1, 2];
  return table
    .map((row) =>
      row
        .map((text, i) => (rightAligned.includes(i) ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const redrawMs = 500;

/**
 * Shows progress: on a terminal one line for each notebook that runs, updated in place; elsewhere one line for
 * each that is done. Call `close` at the end.
 */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #running = new Map<string, { since: number; cell: number; total: number }>();
  readonly #timer: NodeJS.Timeout | undefined;
  #drawn = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    if (stream.isTTY) this.#timer = setInterval(() => this.#draw(), redrawMs);
  }

  on(event: RunEvent): void {
    const { file } = event.job;
    if ("report" in event) {
      this.#running.delete(file);
      const { ok, cells, seconds } = event.report;
      this.#draw(
        `${ok ? "ok    " : "FAILED"}  ${file}  ${cells} ${cells === 1 ? "cell" : "cells"}  ${seconds.toFixed(1)} s\n`,
      );
    } else {
      const { cell, total } = event;
      const since = this.#running.get(file)?.since ?? performance.now();
      this.#running.set(file, { since, cell, total });
      if (this.#stream.isTTY) this.#draw();
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Replaces the lines of what runs; `done` is written above them and stays. */
  #draw(done = ""): void {
    if (!this.#stream.isTTY) {
      this.#stream.write(done);
      return;
    }
    const up = this.#drawn === 0 ? "" : `\u001B[${this.#drawn}A\u001B[J`;
    const lines = [...this.#running].map(([file, { since, cell, total }]) => {
      const seconds = ((performance.now() - since) / 1000).toFixed(0);
      const what = cell === 0 ? "starting its kernel" : `cell ${cell}/${total}`;
      // A line that wraps could not be replaced.
      return `${clip(`running ${file}  ${what}  ${seconds} s`, (this.#stream.columns ?? 80) - 1)}\n`;
    });
    this.#drawn = lines.length;
    this.#stream.write(up + done + lines.join(""));
  }
}

function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
