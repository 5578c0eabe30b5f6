import { mkdirSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { root } from "workbook/root";
import { editingInThePage } from "./editing.js";
import { kernelInThePage } from "./kernel.js";
import { type Lab, openLab, whyNot } from "./lab.js";

/** What the open notebook's model holds; an expression, because it runs in the page. */
const NOTEBOOK = `(() => {
  const panel = globalThis.jupyterapp.shell.currentWidget;
  const cells = [...panel.content.model.cells].map((cell) => cell.toJSON());
  return {
    status: panel.sessionContext.session?.kernel?.status ?? "none",
    kernel: panel.sessionContext.kernelDisplayName,
    code: cells.filter((cell) => cell.cell_type === "code" && [cell.source].flat().join("").trim() !== "").map((cell) => ({
      count: cell.execution_count,
      outputs: cell.outputs.map((output) => ({
        type: output.output_type,
        stream: output.name,
        text: [output.text ?? ""].flat().join(""),
        mimes: Object.keys(output.data ?? {}),
      })),
    })),
  };
})()`;

interface NotebookState {
  readonly status: string;
  readonly kernel: string;
  readonly code: readonly {
    readonly count: number | null;
    readonly outputs: readonly { type: string; stream?: string; text: string; mimes: string[] }[];
  }[];
}

/** A lesson takes half a minute on an idle machine. */
const lessonMs = 150_000;

describe("JupyterLab in a browser", function () {
  this.timeout(180_000);
  let lab: Lab;

  before(async function () {
    const reason = whyNot();
    if (reason !== undefined && process.env.REQUIRE_BROWSER === "1") throw new Error(reason);
    if (reason !== undefined) {
      this.skipReason = reason;
      this.skip();
    }
    mkdirSync(screenshots, { recursive: true });
    lab = await openLab();
    lab.page.setDefaultTimeout(30_000);
  });
  after(() => lab?.close());

  it("opens tidy: the start notebook, no news prompt, no notices, the kernel in the launcher", async () => {
    const { page } = lab;
    await page.goto(lab.url("notebooks/00-start-here.ipynb"));
    await page.locator(".jp-Notebook .jp-Cell").first().waitFor();
    await page.waitForTimeout(1500);
    expect(await page.locator(".jp-Dialog, .Toastify__toast").count(), "dialogs and notices").to.equal(0);
    await page.evaluate(`globalThis.jupyterapp.commands.execute("launcher:create")`);
    const card = page.locator(".jp-LauncherCard[data-category=Notebook]", { hasText: "TypeScript" });
    await card.first().waitFor();
  });

  describe("the kernel", () => kernelInThePage(() => lab));
  describe("a cell that is being written", () => editingInThePage(() => lab));

  for (const notebook of ["00-start-here", "2017-transformer"]) {
    it(`${notebook} runs from top to bottom without an error, and its plots are drawn`, async () => {
      const { page } = lab;
      await page.goto(lab.url(`notebooks/${notebook}.ipynb`));
      await page.locator(".jp-Notebook .jp-Cell").first().waitFor();
      await page.waitForFunction(
        `globalThis.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === "idle"`,
      );
      await page.getByRole("menuitem", { name: "Run", exact: true }).click();
      await page.getByText("Run All Cells", { exact: true }).click();
      await page.waitForFunction(
        `(() => { const state = ${NOTEBOOK};
        return state.status === "idle" && state.code.at(-1).count !== null; })()`,
        undefined,
        { timeout: lessonMs },
      );
      const state = (await page.evaluate(NOTEBOOK)) as NotebookState;
      for (const [i, cell] of state.code.entries()) {
        expect(cell.count, `code cell ${i + 1} ran`).to.be.a("number");
        const bad = cell.outputs.filter(({ type, stream }) => type === "error" || stream === "stderr");
        expect(bad, `errors of code cell ${i + 1}`).to.deep.equal([]);
      }
      // Every chart in the model is drawn on the page; cells far away are drawn when they come into view.
      const wanted = state.code.flatMap(({ outputs }) => outputs.flatMap(({ mimes }) => mimes));
      const charts = wanted.filter((mime) => mime.startsWith("application/vnd.vegalite")).length;
      const surfaces = wanted.filter((mime) => mime.startsWith("application/vnd.plotly")).length;
      expect(charts, "charts").to.be.at.least(1);
      for (const cell of await page.locator(".jp-CodeCell").all()) await cell.scrollIntoViewIfNeeded();
      await expectCount(lab, ".vega-embed canvas, .vega-embed svg", charts);
      await expectCount(lab, ".js-plotly-plot .main-svg:first-child", surfaces);
      await takePicture(lab, notebook);
    });
  }
});

const screenshots = path.join(root, ".cache/browser");

/** The page at the first checked derivation, or else the first chart; the README shows the Transformer's. */
async function takePicture({ page }: Lab, notebook: string): Promise<void> {
  const before = page.viewportSize()!;
  await page.setViewportSize({ width: 1360, height: 900 });
  await page.evaluate("globalThis.jupyterapp.shell.collapseLeft()");
  const derivation = page.locator(".jp-OutputArea-output", { hasText: "largest error" });
  const shown = derivation.or(page.locator(".vega-embed")).first();
  await shown.evaluate((element) => element.scrollIntoView({ block: "center" }));
  await page.screenshot({ path: path.join(screenshots, `${notebook}.png`) });
  await page.setViewportSize(before);
}

async function expectCount({ page }: Lab, selector: string, count: number): Promise<void> {
  await page
    .waitForFunction(`document.querySelectorAll(${JSON.stringify(selector)}).length >= ${count}`, undefined, {
      timeout: 15_000,
    })
    .catch(() => undefined);
  expect(await page.locator(selector).count(), `drawn: ${selector}`).to.be.at.least(count);
}
