/** What a reader meets of the kernel in JupyterLab: progress, the interrupt button, input, errors, restarts. */

import { expect } from "chai";
import { after, before, beforeEach, it } from "mocha";
import type { Lab } from "./lab.js";
import { Scratch } from "./scratch.js";

/** Defines the tests; `lab` is open when they run. */
export function kernelInThePage(lab: () => Lab): void {
  let notebook: Scratch;

  before(async () => {
    notebook = await Scratch.open(lab(), "kernel");
  });
  beforeEach(() => notebook.clear());
  after(() => notebook.close());

  /** Clicks the toolbar's button, and waits until the kernel has stopped. */
  async function interrupt(): Promise<void> {
    const button = "[data-command='notebook:interrupt-kernel']";
    await lab().page.locator(`.jp-NotebookPanel:not(.lm-mod-hidden) ${button}`).click();
    await notebook.idle();
  }

  it("a progress bar moves, in one output that keeps its place and size", async () => {
    const { page } = lab();
    // What the page shows of the bar, every time that it changes, and where.
    await page.evaluate(`(() => {
      globalThis.seen = [];
      const look = () => {
        const bar = document.querySelector("progress");
        const { top, height } = bar?.closest(".jp-OutputArea-output").getBoundingClientRect() ?? {};
        if (bar !== null) globalThis.seen.push([bar.value, top, height].map(Math.round));
      };
      globalThis.looking = new MutationObserver(look);
      globalThis.looking.observe(document.body, { subtree: true, childList: true, attributes: true });
    })()`);
    await notebook.start(`import { display } from "workbook/display";
      const bar = (done: number) => ({ "text/html": \`<progress max="1000" value="\${done}"></progress>\` });
      const shown = display(bar(0));
      for (let done = 1; ; done++) {
        await new Promise((resolve) => setTimeout(resolve, 30));
        shown.update(bar(done));
      }`);
    await page.waitForFunction("new Set(globalThis.seen.map(([value]) => value)).size >= 5");
    await interrupt();
    const seen = (await page.evaluate("globalThis.looking.disconnect(); globalThis.seen")) as number[][];
    const values = [...new Set(seen.map(([value]) => value!))];
    expect(values).to.deep.equal(values.toSorted((a, b) => a - b));
    // The first look may come before the page is laid out.
    const places = new Set(seen.slice(1).map(([, top, height]) => `${top} ${height}`));
    expect([...places], "places and heights of the output").to.have.length(1);
    const shown = (await notebook.outputs()).filter(({ output_type }) => output_type === "display_data");
    expect(shown).to.have.length(1);
  });

  const endless: Readonly<Record<string, string>> = {
    "a busy loop": "while (true) {}",
    "a busy loop after an await": "await new Promise((resolve) => setTimeout(resolve, 1)); while (true) {}",
    "a pending await": "await new Promise(() => {})",
  };
  for (const [sentence, code] of Object.entries(endless)) {
    it(`the interrupt button stops ${sentence}, and values survive`, async () => {
      await notebook.run("let kept = { since: 1 };");
      await notebook.start(`kept.since++; console.log("begun"); ${code}`);
      await notebook.shown("begun");
      await interrupt();
      expect((await notebook.outputs()).map(({ output_type, ename }) => ename ?? output_type)).to.deep.equal([
        "stream",
        "Interrupted",
      ]);
      expect(await notebook.value("kept")).to.equal("{ since: 2 }");
    });
  }

  it("prompt() asks in a field under the cell, and the answer reaches the cell", async () => {
    const cell = await notebook.start('const who = await prompt("Your name?"); "Hello, " + who');
    const field = cell.locator("input.jp-Stdin-input");
    await field.waitFor();
    expect(await cell.locator(".jp-Stdin-prompt").innerText()).to.equal("Your name?");
    await field.fill("Ada");
    await field.press("Enter");
    await notebook.shown("Hello, Ada");
    await notebook.idle();
  });

  it("comms open, carry messages and close, from the page and from a cell", async () => {
    const { page } = lab();
    await notebook.run(`let farewell = ""; comm.registerTarget("echo", (channel, { data }) => {
      channel.onMessage((message) => channel.send({ echoed: message.data.word + data.mark }));
      channel.onClose(() => { farewell = "closed by the page"; });
    });`);
    const echoed = await page.evaluate(`(async () => {
      const { kernel } = globalThis.jupyterapp.shell.currentWidget.sessionContext.session;
      const comm = kernel.createComm("echo");
      const answer = new Promise((resolve) => { comm.onMsg = ({ content }) => resolve(content.data); });
      await comm.open({ mark: "!" }).done;
      await comm.send({ word: "hello" }).done;
      const data = await answer;
      await comm.close().done;
      kernel.registerCommTarget("page", (opened, { content }) => {
        globalThis.commOpened = content.data;
        opened.onClose = ({ content }) => { globalThis.commClosed = content.data; };
      });
      return data;
    })()`);
    expect(echoed).to.deep.equal({ echoed: "hello!" });
    expect(await notebook.value("farewell")).to.equal("'closed by the page'");
    await notebook.run('const toPage = comm.open("page", { a: 1 }); toPage.close({ b: 2 });');
    await page.waitForFunction("globalThis.commClosed !== undefined");
    expect(await page.evaluate("[globalThis.commOpened, globalThis.commClosed]")).to.deep.equal([
      { a: 1 },
      { b: 2 },
    ]);
  });

  it("restarts the kernel and runs all cells from the menu, after it has asked", async () => {
    const { page } = lab();
    await notebook.run("declare global { var runs: number }\nglobalThis.runs = (globalThis.runs ?? 0) + 1;");
    await notebook.run("globalThis.runs++; globalThis.runs");
    expect(await notebook.value("globalThis.runs")).to.equal("2");
    await page.getByRole("menuitem", { name: "Kernel", exact: true }).click();
    await page.getByText("Restart Kernel and Run All Cells…", { exact: true }).click();
    const dialog = page.locator(".jp-Dialog");
    expect(await dialog.innerText()).to.match(/restart the kernel/i);
    await dialog.getByRole("button", { name: "Confirm Kernel Restart" }).click();
    await page.waitForFunction(
      `globalThis.jupyterapp.shell.currentWidget.content.widgets.at(-1).model.sharedModel.execution_count === 3`,
    );
    await notebook.idle();
    expect((await notebook.outputs())[0]?.data?.["text/plain"]).to.equal("2");
  });

  /** A cell's code, and what the kernel still says under it, where it can. */
  const ends: Readonly<Record<string, readonly [code: string, said?: string]>> = {
    "calls process.exit()": ["process.exit(3)", "The kernel ended: process.exit(3) was called."],
    "crashes natively": ["process.abort()"],
    "kills its process": [
      'process.kill(process.pid, "SIGSEGV")',
      "The kernel ended: it sent itself SIGSEGV.",
    ],
  };
  for (const [sentence, [code, said]] of Object.entries(ends)) {
    it(`a cell that ${sentence} is followed by JupyterLab's message and a new kernel, which runs later cells`, async () => {
      await notebook.start(code);
      const dialog = lab().page.locator(".jp-Dialog", { hasText: "Kernel Restarting" });
      await dialog.waitFor();
      expect(await dialog.innerText()).to.match(/appears to have died. It will restart automatically/);
      await dialog.getByRole("button", { name: "Ok" }).click();
      if (said !== undefined) expect(JSON.stringify(await notebook.outputs())).to.include(said);
      // The new kernel's first cell may say how the one before it ended.
      expect(await notebook.value("1 + 1")).to.match(/(^|\n)2$/);
    });
  }
}
