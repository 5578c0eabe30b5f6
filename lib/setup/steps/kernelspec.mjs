// Tells Jupyter about the TypeScript kernels, inside .venv only.
import path from "node:path";
import process from "node:process";
import { readIfThere, writeWhole } from "../places.mjs";

/**
 * The kernels that notebooks may choose, the default first; lib/setup/jupyter/jupyter_server_config.json lets only
 * these through.
 */
export const kernelNames = ["workbook", "tslab"];

/** @param {import("../places.mjs").Places} at */
export function kernelspecStep(at) {
  const entries = Object.entries(kernelFiles(at));
  return {
    name: "kernelspec",
    title: "TypeScript kernels",
    needs: ["packages"],
    after: ["python"], // which may start .venv anew
    without: "JupyterLab offers no TypeScript kernel.",
    isDone: () => entries.every(([file, content]) => readIfThere(path.join(at.kernels, file)) === content),
    async run() {
      for (const [file, content] of entries) writeWhole(path.join(at.kernels, file), content);
    },
  };
}

/**
 * For this Node and this clone's files, wherever the clone is moved. lib/jupyter/kernel/kernelspec.ts says why the
 * workbook's own kernel is started so; tslab's is started as `tslab install` writes it.
 *
 * @param {import("../places.mjs").Places} at
 * @returns {Record<string, string>} the file under .venv/share/jupyter/kernels and its text
 */
function kernelFiles(at) {
  const within = (/** @type {string} */ name, /** @type {string} */ file) =>
    `{resource_dir}/${path.relative(path.join(at.kernels, name), file)}`;
  const kernel = path.join(at.root, "lib/dist/lib/jupyter/kernel/kernel.js");
  const specs = {
    workbook: {
      argv: [
        process.execPath,
        "--no-force-async-hooks-checks",
        within("workbook", kernel),
        "{connection_file}",
      ],
      display_name: "TypeScript (workbook)",
      language: "typescript",
      interrupt_mode: "message",
      metadata: { debugger: false },
    },
    tslab: {
      argv: [
        process.execPath,
        within("tslab", path.join(at.modules, "tslab/bin/tslab")),
        ...["kernel", "--config-path", "{connection_file}"],
      ],
      display_name: "TypeScript (tslab)",
      language: "typescript",
    },
  };
  return Object.fromEntries(
    Object.entries(specs).flatMap(([name, spec]) => [
      [`${name}/kernel.json`, `${JSON.stringify(spec, null, 2)}\n`],
      [`${name}/logo-svg.svg`, logo],
    ]),
  );
}

const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">
  <rect width="64" height="64" rx="10" fill="#1f5fa8"/>
  <text x="32" y="44" font-family="sans-serif" font-size="32" font-weight="700" fill="#fff" text-anchor="middle">TS</text>
</svg>
`;
