/** What a notebook that is committed must be. Each function returns one sentence for each thing that is not so. */

import { readFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import path from "node:path";
import { Ajv } from "ajv";
import { build } from "esbuild";
import { type Notebook, text } from "../../lib/jupyter/notebook.js";
import { root } from "../../lib/root.js";

// The schema is draft-04, ajv speaks draft-07; in what this schema uses they agree.
const { $schema: _, ...schema } = JSON.parse(
  readFileSync(path.join(root, "test/nbformat.v4.5.schema.json"), "utf8"),
);
const validate = new Ajv({ strict: false, allErrors: true }).compile(schema);

/** Everything at once; `file` is where the notebook lies, or would lie. */
export async function lintNotebook(notebook: unknown, file: string): Promise<string[]> {
  const problems = schemaProblems(notebook);
  if (problems.length > 0) return problems;
  const valid = notebook as Notebook;
  return [
    ...idProblems(valid),
    ...outputProblems(valid),
    ...kernelProblems(valid),
    ...(await importProblems(valid, file)),
  ];
}

/** Where the notebook leaves nbformat 4.5. */
export function schemaProblems(notebook: unknown): string[] {
  if (validate(notebook)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath || "/"} ${message}`);
}

/** Ids that two cells share; their form is the schema's business. */
function idProblems({ cells }: Notebook): string[] {
  const ids = cells.map(({ id }) => id);
  const repeated = new Set(ids.filter((id, i) => ids.indexOf(id) !== i));
  return [...repeated].map((id) => `several cells have the id "${id}"`);
}

function outputProblems({ cells }: Notebook): string[] {
  return cells.flatMap((cell, i) => {
    if (cell.cell_type !== "code") return [];
    return [
      ...(cell.outputs.length > 0 ? [`cell ${i + 1} has outputs`] : []),
      ...(cell.execution_count !== null ? [`cell ${i + 1} has an execution_count`] : []),
    ];
  });
}

function kernelProblems({ metadata }: Notebook): string[] {
  const { name, language } = (metadata.kernelspec ?? {}) as { name?: string; language?: string };
  if (name === "workbook" && language === "typescript") return [];
  return [`expected the kernelspec workbook with language typescript, got ${name} with ${language}`];
}

/** Cells that do not parse, and imports of what is neither `workbook/...` nor an installed package. */
async function importProblems({ cells }: Notebook, file: string): Promise<string[]> {
  const { resolve } = createRequire(path.resolve(file));
  const problems: string[] = [];
  for (const [i, cell] of cells.entries()) {
    if (cell.cell_type !== "code") continue;
    try {
      for (const name of await importsOf(text(cell.source))) {
        const reason = importProblem(name, resolve);
        if (reason !== undefined) problems.push(`cell ${i + 1} imports "${name}": ${reason}`);
      }
    } catch (error) {
      problems.push(`cell ${i + 1} does not parse: ${(error as Error).message.trim().split("\n").at(-1)}`);
    }
  }
  return problems;
}

function importProblem(name: string, resolve: (name: string) => string): string | undefined {
  if (name.startsWith(".") || path.isAbsolute(name)) return "expected workbook/... or an installed package";
  if (isBuiltin(name)) return undefined;
  try {
    resolve(name);
    return undefined;
  } catch {
    return "there is no such thing";
  }
}

/** The modules that code names in imports, re-exports, `import()` and `require()`, types included. */
async function importsOf(code: string): Promise<string[]> {
  const names = new Set<string>();
  await build({
    // esbuild drops type imports before it resolves them.
    stdin: {
      contents: code.replace(/\b(import|export)\s+type\s+(?!from\b)(?=[\w$*{])/g, "$1 "),
      loader: "ts",
    },
    bundle: true,
    write: false,
    format: "esm",
    logLevel: "silent",
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
    plugins: [
      {
        name: "collect imports",
        setup({ onResolve }) {
          onResolve({ filter: /.*/ }, ({ path: name, kind }) => {
            if (kind === "entry-point") return undefined;
            names.add(name);
            return { path: name, external: true };
          });
        },
      },
    ],
  });
  return [...names];
}
