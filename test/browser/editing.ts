/** What a reader is told while typing a cell in JupyterLab, and of its errors afterwards: Tab, Shift-Tab, tracebacks. */

import { expect } from "chai";
import { after, afterEach, before, beforeEach, it } from "mocha";
import type { Lab } from "./lab.js";
import { Scratch } from "./scratch.js";

/** Contrast of text that is not the main thing, by the accessibility guidelines (WCAG 2.2, 1.4.11). */
const leastContrast = 3;

/** The notebook that is in front. */
const panel = ".jp-NotebookPanel:not(.lm-mod-hidden)";

/** Defines the tests; `lab` is open when they run. */
export function editingInThePage(lab: () => Lab): void {
  let notebook: Scratch;

  before(async () => {
    notebook = await Scratch.open(lab(), "editing");
    await notebook.run(`import * as tf from "@tensorflow/tfjs";
      /**
       * Adds two numbers.
       * @param b two unless given
       */
      function add(a: number, b = 2) { return a + b; }
      const settings = { rate: 0.1, steps: 400, name: "run" };`);
  });
  beforeEach(() => notebook.clear());
  afterEach(() => lab().page.keyboard.press("Escape"));
  after(() => notebook.close());

  /** Types into a new cell, presses Tab, and reads the menu: label and kind. */
  async function menu(typed: string): Promise<string[]> {
    const { page } = lab();
    await notebook.type(typed);
    await page.keyboard.press("Tab");
    await page.locator(".jp-Completer .jp-Completer-item").first().waitFor();
    const items = await page.locator(".jp-Completer .jp-Completer-item").allInnerTexts();
    return items.map((item) => item.trim().split(/\s+/).slice(1).join(" "));
  }

  it("Tab lists the members of an object of an earlier cell with their kinds, and inserts the one picked", async () => {
    expect(await menu("settings.")).to.deep.equal(["name property", "rate property", "steps property"]);
    await lab().page.keyboard.press("ArrowDown");
    await lab().page.keyboard.press("Enter");
    expect(await notebook.source()).to.equal("settings.rate");
  });

  it("Tab lists what an import holds, and replaces the beginning that was typed", async () => {
    expect(await menu("const y = tf.softp")).to.deep.equal(["softplus variable", "Softplus variable"]);
    await lab().page.keyboard.press("Enter");
    expect(await notebook.source()).to.equal("const y = tf.softplus");
  });

  it("Tab completes the path of an import from the workbook", async () => {
    expect(await menu('import { attention } from "workbook/atten')).to.deep.equal(["attention path"]);
    await lab().page.keyboard.press("Enter");
    expect(await notebook.source()).to.equal('import { attention } from "workbook/attention');
  });

  it("Shift-Tab explains a function of an earlier cell and an import's: signature, then the doc comment", async () => {
    const { page } = lab();
    const explained = async (typed: string) => {
      await notebook.type(typed);
      await page.keyboard.press("Shift+Tab");
      const tooltip = page.locator(".jp-Tooltip");
      await tooltip.waitFor();
      const box = (await tooltip.boundingBox())!;
      expect(box.width, "width of the tooltip").to.be.within(300, 1280);
      expect(await tooltip.locator("pre").count(), "code in the tooltip").to.be.at.least(1);
      const text = await tooltip.innerText();
      await page.keyboard.press("Escape");
      await tooltip.waitFor({ state: "detached" });
      return text.replace(/\s+/g, " ").trim();
    };
    expect(await explained("add(1, ")).to.equal(
      "add(a: number, b?: number): number Adds two numbers. b?: number — two unless given",
    );
    expect(await explained("tf.matMul")).to.match(
      /^const matMul: .* Computes the dot product of two matrices/,
    );
  });

  it("an error shows the cell's line under its name, in colours that can be read on both themes", async () => {
    const { page } = lab();
    await notebook.run("const fine = 1;\n[1].map((x) => {\n  throw new RangeError('no ' + x);\n});");
    const traceback = page.locator(`${panel} .jp-RenderedText pre`);
    expect((await traceback.innerText()).replace(/cell \[\d+\]/g, "cell [n]").split("\n")).to.deep.equal([
      "RangeError: no 1",
      "cell [n]:3:9",
      "  1 | const fine = 1;",
      "  2 | [1].map((x) => {",
      "> 3 |   throw new RangeError('no ' + x);",
      "    |         ^",
      "  4 | });",
      "    at cell [n]:3:9",
      "    … 1 internal frame",
      "    at cell [n]:2:5",
    ]);
    for (const theme of ["JupyterLab Dark", "JupyterLab Light"]) {
      await page.evaluate(
        `globalThis.jupyterapp.commands.execute("apputils:change-theme", { theme: "${theme}" })`,
      );
      // The theme's colours come with its style sheet, some time after its name.
      const legible = `Object.values((${contrastsOf})()).every((contrast) => contrast >= ${leastContrast})`;
      await page
        .waitForFunction(`document.body.dataset.jpThemeName === "${theme}" && ${legible}`, undefined, {
          timeout: 5000,
        })
        .catch(() => undefined);
      const contrasts = (await page.evaluate(`(${contrastsOf})()`)) as Record<string, number>;
      expect(Object.keys(contrasts).length, "colours").to.equal(2);
      for (const [colour, contrast] of Object.entries(contrasts)) {
        expect(contrast, `${theme}: ${colour}`).to.be.at.least(leastContrast);
      }
    }
  });

  it("a type error marks what is wrong in the cell's line, and nothing of the cell runs", async () => {
    const { page } = lab();
    await notebook.run('console.log("ran");\nconst count: number = settings.name;\ncount');
    const output = page.locator(`${panel} .jp-OutputArea-output`);
    expect(
      (await output.allInnerTexts())
        .join("")
        .replace(/cell \[\d+\]/g, "cell [n]")
        .trimEnd()
        .split("\n"),
    ).to.deep.equal([
      "TS2322: Type 'string' is not assignable to type 'number'.",
      "cell [n]:2:7",
      '  1 | console.log("ran");',
      "> 2 | const count: number = settings.name;",
      "    |       ^^^^^",
      "  3 | count",
    ]);
  });
}

/**
 * Runs in the page: text colour → its contrast against the background of the traceback. Red, in which JupyterLab draws
 * the errors of every kernel, is left to its themes.
 */
const contrastsOf = `function () {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (colour) => {
    const linear = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = colour.map(linear);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  // What shows through where a background is translucent.
  const background = (element) => {
    const [r, g, b, alpha = 1] = channels(getComputedStyle(element).backgroundColor);
    if (alpha === 1 || element.parentElement === null) return [r, g, b];
    return background(element.parentElement).map((below, i) => below * (1 - alpha) + [r, g, b][i] * alpha);
  };
  const output = document.querySelector("${panel} .jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']");
  const back = luminance(background(output));
  const found = {};
  for (const element of [output.querySelector("pre"), ...output.querySelectorAll("pre span:not(.ansi-red-fg)")]) {
    const front = luminance(channels(getComputedStyle(element).color).slice(0, 3));
    found[getComputedStyle(element).color] = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
  }
  return found;
}`;
