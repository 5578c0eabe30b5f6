/** Turns a kernel's iopub messages into the outputs of notebook cells, as JupyterLab and nbclient do. */

import type { CodeCell, Output } from "./notebook.js";
import { text } from "./notebook.js";
import type { Json, Message } from "./wire.js";

type Display = Extract<Output, { output_type: "display_data" | "execute_result" }>;

/** The outputs of one notebook's cells; displays are found by id across all of them. */
export class Outputs {
  #displays = new Map<string, Set<Display>>();
  /** Cells that asked to be cleared as soon as something new is there to show. */
  #clearing = new Set<CodeCell>();

  /** Applies one iopub message to the cell that caused it; what is no output is ignored. */
  apply(cell: CodeCell, { header, content }: Message): void {
    switch (header.msg_type) {
      case "stream":
        this.#stream(cell, String(content.name), String(content.text));
        break;
      case "display_data":
      case "execute_result":
        this.#display(cell, displayOf(header.msg_type, content), displayId(content));
        break;
      case "update_display_data":
        this.#update(displayId(content), content);
        break;
      case "error":
        this.#add(cell, errorOf(content));
        break;
      case "execute_input":
        cell.execution_count = content.execution_count as number;
        break;
      case "clear_output":
        if (content.wait === true) this.#clearing.add(cell);
        else this.#clear(cell);
        break;
    }
  }

  #stream(cell: CodeCell, name: string, more: string): void {
    const last = this.#clearing.has(cell) ? undefined : cell.outputs.at(-1);
    if (last?.output_type === "stream" && last.name === name) last.text = text(last.text) + more;
    else this.#add(cell, { output_type: "stream", name, text: more });
  }

  #display(cell: CodeCell, display: Display, id: string | undefined): void {
    this.#add(cell, display);
    if (id === undefined) return;
    // A display that reuses an id also replaces the earlier ones.
    this.#update(id, display as unknown as Json);
    this.#displays.set(id, (this.#displays.get(id) ?? new Set()).add(display));
  }

  #update(id: string | undefined, { data, metadata }: Json): void {
    for (const display of this.#displays.get(id ?? "") ?? []) {
      display.data = data as Json;
      display.metadata = (metadata ?? {}) as Json;
    }
  }

  #add(cell: CodeCell, output: Output): void {
    if (this.#clearing.has(cell)) this.#clear(cell);
    cell.outputs.push(output);
  }

  #clear(cell: CodeCell): void {
    this.#clearing.delete(cell);
    for (const displays of this.#displays.values()) {
      for (const output of cell.outputs) displays.delete(output as Display);
    }
    cell.outputs.length = 0;
  }
}

function displayOf(type: Display["output_type"], content: Json): Display {
  const data = (content.data ?? {}) as Json;
  const metadata = (content.metadata ?? {}) as Json;
  if (type === "display_data") return { output_type: type, data, metadata };
  return { output_type: type, data, metadata, execution_count: (content.execution_count as number) ?? null };
}

function displayId({ transient }: Json): string | undefined {
  return (transient as { display_id?: string } | null | undefined)?.display_id;
}

function errorOf({ ename, evalue, traceback }: Json): Output {
  const lines = Array.isArray(traceback) ? traceback.map(String) : [];
  return { output_type: "error", ename: String(ename), evalue: String(evalue), traceback: lines };
}
