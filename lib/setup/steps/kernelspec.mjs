// Tells Jupyter about the TypeScript kernel, inside .venv only.
import path from "node:path";
import process from "node:process";
import { readIfThere, writeWhole } from "../places.mjs";

/** The kernels that notebooks may choose; lib/setup/jupyter/jupyter_server_config.json lets only these through. */
export const kernelName = "tslab";

/** @param {import("../places.mjs").Places} at */
export function kernelspecStep(at) {
  const folder = path.join(at.kernels, kernelName);
  const files = {
    // As `tslab install` writes it, but for this Node and this clone's tslab, wherever the clone is moved.
    "kernel.json": `${JSON.stringify(
      {
        argv: [
          process.execPath,
          `{resource_dir}/${path.relative(folder, path.join(at.modules, "tslab/bin/tslab"))}`,
          "kernel",
          "--config-path",
          "{connection_file}",
        ],
        display_name: "TypeScript (tslab)",
        language: "typescript",
      },
      null,
      2,
    )}\n`,
    "logo-svg.svg": logo,
  };
  const entries = Object.entries(files);
  return {
    name: "kernelspec",
    title: "TypeScript kernel",
    needs: ["packages"],
    after: ["python"], // which may start .venv anew
    without: "JupyterLab offers no TypeScript kernel.",
    isDone: () => entries.every(([name, content]) => readIfThere(path.join(folder, name)) === content),
    async run() {
      for (const [name, content] of entries) writeWhole(path.join(folder, name), content);
    },
  };
}

const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">
  <rect width="64" height="64" rx="10" fill="#1f5fa8"/>
  <text x="32" y="44" font-family="sans-serif" font-size="32" font-weight="700" fill="#fff" text-anchor="middle">TS</text>
</svg>
`;
