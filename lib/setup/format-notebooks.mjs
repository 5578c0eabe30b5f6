// Formats the code cells of every notebook in notebooks/, as biome formats files but narrower: a line must fit into a cell on a
// laptop. usage: node lib/setup/format-notebooks.mjs [--check]   (check: only name the cells that are not formatted)
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { places } from "./places.mjs";

/** @typedef {{ cell_type: string, id: string, source: string | string[] }} Cell */

const LINE_WIDTH = 100;

const at = places();
const checkOnly = process.argv.includes("--check");
const folder = path.join(at.root, "notebooks");
const scratch = mkdtempSync(path.join(tmpdir(), "workbook-cells-"));
try {
  process.exitCode = main();
} finally {
  rmSync(scratch, { recursive: true });
}

function main() {
  const notebooks = readdirSync(folder).filter((name) => name.endsWith(".ipynb"));
  const contents = new Map(
    notebooks.map((name) => [name, JSON.parse(readFileSync(path.join(folder, name), "utf8"))]),
  );
  for (const [name, notebook] of contents) {
    mkdirSync(path.join(scratch, name));
    for (const cell of codeCells(notebook)) writeFileSync(cellFile(name, cell), `${text(cell)}\n`);
  }
  const { javascript } = JSON.parse(readFileSync(path.join(at.root, "biome.json"), "utf8"));
  const formatter = { indentStyle: "space", indentWidth: 2, lineWidth: LINE_WIDTH };
  writeFileSync(path.join(scratch, "biome.json"), JSON.stringify({ root: true, formatter, javascript }));
  // Twice: what a first pass has broken into lines, a second one may still move.
  for (let pass = 0; pass < 2; pass++) {
    const { status, stderr } = format();
    if (status === 0) continue;
    process.stderr.write(stderr);
    return 1;
  }
  /** @type {string[]} */
  const found = [];
  for (const [name, notebook] of contents) {
    const changed = codeCells(notebook).filter((cell) => {
      const before = text(cell);
      const after = readFileSync(cellFile(name, cell), "utf8").replace(/\n$/, "");
      if (!checkOnly) cell.source = after.split(/(?<=\n)/);
      return before !== after;
    });
    found.push(...changed.map((cell) => `notebooks/${name}: cell ${cell.id}`));
    if (!checkOnly && changed.length > 0) {
      writeFileSync(path.join(folder, name), `${JSON.stringify(notebook, null, 1)}\n`);
    }
  }
  for (const cell of found) {
    process.stdout.write(`${cell} ${checkOnly ? "is not formatted (npm run format)" : "formatted"}\n`);
  }
  return checkOnly && found.length > 0 ? 1 : 0;
}

function format() {
  const biome = path.join(at.modules, "@biomejs/biome/bin/biome");
  return spawnSync(process.execPath, [biome, "format", "--write", "."], { cwd: scratch, encoding: "utf8" });
}

/** @param {{ cells: Cell[] }} notebook */
function codeCells({ cells }) {
  return cells.filter(({ cell_type }) => cell_type === "code");
}

/** @param {Cell} cell */
function text({ source }) {
  return Array.isArray(source) ? source.join("") : source;
}

/** @param {string} notebook @param {Cell} cell */
function cellFile(notebook, { id }) {
  return path.join(scratch, notebook, `${id}.ts`);
}
