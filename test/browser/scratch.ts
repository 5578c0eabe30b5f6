/** A notebook of a test's own in the running JupyterLab: its cells are typed, run and looked at as a reader would. */

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Locator } from "playwright-core";
import { root } from "workbook/root";
import type { Lab } from "./lab.js";

/** Hidden from git, and inside of the folder that JupyterLab serves. */
const folder = ".cache/browser";

export interface Output {
  readonly output_type: string;
  readonly name?: string;
  readonly text?: string | readonly string[];
  readonly data?: Readonly<Record<string, unknown>>;
  readonly ename?: string;
  readonly evalue?: string;
}

/** What the page's expressions begin with. */
const panel = "globalThis.jupyterapp.shell.currentWidget";

export class Scratch {
  readonly lab: Lab;

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  /** Opens an empty notebook in the page that is there, with a kernel of its own. */
  static async open(lab: Lab, name: string): Promise<Scratch> {
    const file = `${folder}/${name}.ipynb`;
    const kernelspec = { name: "workbook", display_name: "TypeScript (workbook)", language: "typescript" };
    mkdirSync(path.join(root, folder), { recursive: true });
    writeFileSync(
      path.join(root, file),
      JSON.stringify({ cells: [], metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }),
    );
    await lab.page.evaluate(
      `void globalThis.jupyterapp.commands.execute("docmanager:open", { path: ${JSON.stringify(file)} })`,
    );
    const scratch = new Scratch(lab);
    await lab.page.waitForFunction(`${panel}?.context?.path === ${JSON.stringify(file)}`);
    await scratch.idle();
    return scratch;
  }

  /** Shuts the kernel down and closes the notebook, without saving it. */
  async close(): Promise<void> {
    await this.lab.page.evaluate(`(async () => {
      const panel = ${panel};
      await panel.sessionContext.shutdown();
      panel.dispose();
    })()`);
  }

  /** Removes all cells; the kernel keeps its values. */
  async clear(): Promise<void> {
    await this.lab.page.evaluate(
      `${panel}.content.model.sharedModel.deleteCellRange(0, ${panel}.content.model.cells.length)`,
    );
    await this.lab.page.waitForFunction(`${panel}.content.widgets.length === 1`);
  }

  /** Types into a new cell, as on a keyboard. */
  async type(text: string): Promise<void> {
    const cell = await this.add();
    await cell.locator(".cm-content").click();
    await this.lab.page.keyboard.type(text);
  }

  /** Adds a cell at the end. */
  async add(source = ""): Promise<Locator> {
    const { page } = this.lab;
    await page.evaluate(`(async () => {
      const { commands } = globalThis.jupyterapp;
      const { content } = ${panel};
      const last = content.widgets.at(-1).model.sharedModel;
      content.activeCellIndex = content.widgets.length - 1;
      if (last.getSource() !== "") await commands.execute("notebook:insert-cell-below");
      await content.scrollToItem(content.activeCellIndex);
      content.activeCell.model.sharedModel.setSource(${JSON.stringify(source)});
    })()`);
    const cell = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell.jp-mod-active");
    await cell.locator(".cm-content").waitFor();
    return cell;
  }

  /** Adds a cell and starts it; does not wait. */
  async start(source: string): Promise<Locator> {
    const cell = await this.add(source);
    await this.lab.page.evaluate(`void globalThis.jupyterapp.commands.execute("notebook:run-cell")`);
    return cell;
  }

  /** Adds a cell and runs it to its end; returns what stands under it. */
  async run(source: string): Promise<readonly Output[]> {
    await this.add(source);
    await this.lab.page.evaluate(
      `(async () => { await globalThis.jupyterapp.commands.execute("notebook:run-cell"); })()`,
    );
    return this.outputs();
  }

  /** Outputs of the last cell. */
  async outputs(): Promise<readonly Output[]> {
    const json = await this.lab.page.evaluate(
      `JSON.stringify(${panel}.content.widgets.at(-1).model.outputs.toJSON())`,
    );
    return JSON.parse(json as string);
  }

  /** The last cell's text. */
  source(): Promise<string> {
    return this.lab.page.evaluate(`${panel}.content.widgets.at(-1).model.sharedModel.getSource()`);
  }

  /** Waits until something of the last cell's outputs holds `text`. */
  async shown(text: string): Promise<void> {
    await this.lab.page.waitForFunction(
      `JSON.stringify(${panel}.content.widgets.at(-1).model.outputs.toJSON()).includes(${JSON.stringify(text)})`,
    );
  }

  async idle(): Promise<void> {
    await this.lab.page.waitForFunction(
      `${panel}.sessionContext.session?.kernel?.connectionStatus === "connected" &&
       ${panel}.sessionContext.session.kernel.status === "idle"`,
    );
  }

  /** The text of a cell's result or of what it printed. */
  async value(source: string): Promise<string> {
    return (await this.run(source)).map(textOf).join("");
  }
}

function textOf({ text, data, ename, evalue }: Output): string {
  if (ename !== undefined) return `${ename}: ${evalue}`;
  return [(text ?? data?.["text/plain"] ?? "") as string | string[]].flat().join("");
}
