/** What the language server is told of the project: which options cells are checked with, and what is global in them. */

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";

/** Documents that exist only in the language server, in the notebook's folder. */
export const documents = {
  config: "tsconfig.workbook-kernel.json",
  globals: ".workbook-globals.d.ts",
  session: ".workbook-session.ts",
  cell: ".workbook-cell.ts",
} as const;

/** How a cell's document names the session's. */
export const sessionSpecifier: string = `./${path.basename(documents.session, ".ts")}`;

/**
 * The text of a tsconfig for cells: the nearest tsconfig above `cwd` (else the workbook's) keeps its strictness and
 * paths; what concerns building and unused names is set aside.
 */
export function cellConfig({ cwd, root }: { cwd: string; root: string }): string {
  const base = nearest(cwd, "tsconfig.json") ?? existing(path.join(root, "tsconfig.json"));
  return JSON.stringify({
    ...(base === undefined ? {} : { extends: base }),
    compilerOptions: {
      ...(base === undefined ? { strict: true, target: "es2023", lib: ["es2023"], skipLibCheck: true } : {}),
      // Cells are modules with imports as Node and bundlers resolve them, with or without file extensions.
      module: "preserve",
      moduleResolution: "bundler",
      moduleDetection: "force",
      allowImportingTsExtensions: true,
      resolveJsonModule: true,
      types: ["node"],
      typeRoots: [...folders(cwd), root].map((folder) => path.join(folder, "node_modules", "@types")),
      noEmit: true,
      // The notebook may lie outside of the project that `base` describes, and import from anywhere.
      rootDir: path.parse(cwd).root,
      composite: false,
      incremental: false,
      declaration: false,
      isolatedDeclarations: false,
      // A name unused in this cell may be used in the next, and the kernel's transform handles all of TypeScript.
      noUnusedLocals: false,
      noUnusedParameters: false,
      allowUnusedLabels: true,
      allowUnreachableCode: true,
      verbatimModuleSyntax: false,
      isolatedModules: false,
      erasableSyntaxOnly: false,
    },
    include: [],
    // All open documents, this file too: for one that is in no project the server would make a project of its own.
    files: Object.values(documents).map((name) => `./${name}`),
  });
}

/** The command line of TypeScript's native language server: its binary itself, without a Node process around it. */
export function serverCommand(): string[] {
  const require = createRequire(import.meta.url);
  const typescript = require.resolve("typescript/package.json");
  const platform = `@typescript/typescript-${process.platform}-${process.arch}`;
  try {
    const folder = path.dirname(createRequire(typescript).resolve(`${platform}/package.json`));
    const binary = existing(path.join(folder, "lib", process.platform === "win32" ? "tsc.exe" : "tsc"));
    if (binary !== undefined) return [binary, "--lsp", "--stdio"];
  } catch {
    // An unusual installation: TypeScript's own launcher knows best.
  }
  return [process.execPath, path.join(path.dirname(typescript), "bin", "tsc"), "--lsp", "--stdio"];
}

function folders(start: string): string[] {
  const parent = path.dirname(start);
  return parent === start ? [start] : [start, ...folders(parent)];
}

function nearest(start: string, name: string): string | undefined {
  return folders(start)
    .map((folder) => path.join(folder, name))
    .find((file) => existsSync(file));
}

function existing(file: string): string | undefined {
  return existsSync(file) ? file : undefined;
}
