import { expect } from "chai";
import { describe, it } from "mocha";
import { catalog, paper } from "workbook/catalog";
import { setDisplayHost } from "workbook/display";
import { cardMarkdown } from "workbook/lesson/card";
import { contentsMarkdown } from "workbook/lesson/contents";
import { functionSource, showFile } from "workbook/lesson/source";

describe("lesson", () => {
  it("a card names the paper, its cost and each claim", () => {
    const card = cardMarkdown(paper("transformer"), ["28.4 BLEU", "one step apart"]);
    expect(card).to.contain("(https://arxiv.org/abs/1706.03762)").and.contain("time n², memory n²");
    expect(card).to.contain("28.4 BLEU<br>one step apart");
  });

  it("an unknown slug names the known ones", () => {
    expect(() => paper("transfromer")).to.throw(/no paper "transfromer"; known slugs: transformer/);
  });

  it("the contents list every paper once, and link those whose lesson is there", () => {
    const all = contentsMarkdown(catalog, () => true);
    const none = contentsMarkdown(catalog, () => false);
    for (const { title, slug, year } of catalog) {
      expect(all.split(`[${title}](${year}-${slug}.ipynb)`)).to.have.length(2);
      expect(none).to.contain(`${title} (no lesson yet)`);
    }
  });

  it("a function is shown from its docstring to its closing brace", () => {
    const text =
      "const a = 1;\n\n/**\n * Adds.\n */\nexport function add(\n  a: number,\n) {\n  if (a) {\n  }\n}\n\nexport function b() {\n}\n";
    expect(functionSource(text, "add", "x.ts")).to.equal(
      "/**\n * Adds.\n */\nexport function add(\n  a: number,\n) {\n  if (a) {\n  }\n}",
    );
    expect(functionSource(text, "b", "x.ts")).to.equal("export function b() {\n}");
    expect(() => functionSource(text, "sub", "x.ts")).to.throw('lib/x.ts has no function "sub"');
  });

  it("whole files are shown under their names, fenced as the language of their ending", () => {
    const shown: unknown[] = [];
    setDisplayHost(({ data }) => shown.push(data["text/markdown"]));
    try {
      showFile("kernels/attention/plain.wgsl", "shapes.ts");
    } finally {
      setDisplayHost(undefined);
    }
    const text = String(shown[0]);
    expect(shown).to.have.length(1);
    expect(text).to.match(/^\*lib\/kernels\/attention\/plain\.wgsl\*\n\n```wgsl\n\/\/ /);
    expect(text)
      .to.contain("@compute")
      .and.contain("*lib/shapes.ts*\n\n```ts\n")
      .and.match(/\n}\n```$/);
  });
});
