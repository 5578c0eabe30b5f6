import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { describe, it } from "mocha";
import { catalog, paperFiles } from "workbook/catalog";
import { commands } from "workbook/cli";
import { root } from "workbook/root";

const read = (file: string) => readFileSync(path.join(root, file), "utf8");

describe("README, CONTRIBUTING and catalog", () => {
  it("the README's table lists every command, and no other", () => {
    const listed = [...read("README.md").matchAll(/^\| `npx workbook (\w+)/gm)].map(([, name]) => name);
    expect(listed.sort()).to.deep.equal(Object.keys(commands).sort());
  });

  it("the README lists every lesson, as the catalog has it", () => {
    const rows = catalog.map((row) => {
      const { notebook } = paperFiles(row);
      return `| [${path.basename(notebook, ".ipynb")}](${notebook}) | ${row.title}, ${row.authors} | ${row.time} | ${row.memory} |`;
    });
    const listed = read("README.md")
      .split("\n")
      .filter((line) => line.startsWith("| [") && line.includes("](notebooks/"));
    expect(listed).to.deep.equal(rows);
  });

  it("the catalog is in the order in which the papers came out", () => {
    const ordered = catalog.toSorted((a, b) => a.arXiv.localeCompare(b.arXiv));
    expect(catalog.map(({ slug }) => slug)).to.deep.equal(ordered.map(({ slug }) => slug));
  });

  it("npm scripts that are written about exist", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const text = read("README.md") + read("CONTRIBUTING.md");
    const named = [...text.matchAll(/npm (?:run )?(start|test|(?<=run )[\w:]+)/g)].map(([, name]) => name!);
    expect(named).to.include.members(["start", "test", "format"]);
    for (const name of named) expect(scripts, name).to.have.property(name);
  });

  it("every paper of the catalog has its lesson, exercises, solutions, graded tests and mutants", () => {
    for (const row of catalog) {
      for (const file of Object.values(paperFiles(row))) {
        expect(existsSync(path.join(root, file)), file).to.equal(true);
      }
    }
  });

  it("slugs and arXiv ids are unique and well formed", () => {
    for (const key of ["slug", "arXiv"] as const) {
      expect(new Set(catalog.map((row) => row[key])).size).to.equal(catalog.length);
    }
    for (const { slug, arXiv } of catalog) {
      expect(slug).to.match(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(arXiv).to.match(/^\d{4}\.\d{4,5}$/);
    }
  });
});
