import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { findKernel, jupyterPath, KernelSpecError, kernelNames } from "../../lib/jupyter/kernelspec.js";
import { root } from "../../lib/root.js";

let folder: string;

/** Writes `folder/prefix/share/jupyter/kernels/name/kernel.json` and returns the data folder. */
function install(prefix: string, name: string, spec: unknown): string {
  const data = path.join(folder, prefix, "share", "jupyter");
  mkdirSync(path.join(data, "kernels", name), { recursive: true });
  const text = typeof spec === "string" ? spec : JSON.stringify(spec);
  writeFileSync(path.join(data, "kernels", name, "kernel.json"), text);
  return data;
}

describe("kernelspecs", () => {
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "kernelspecs-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("are looked for in JUPYTER_PATH, then .venv, then the user's folder, then the system's", () => {
    const env = { HOME: "/home/me", JUPYTER_PATH: ["/a", "/b"].join(path.delimiter) };
    const places = jupyterPath(env);
    expect(places.slice(0, 3)).to.deep.equal(["/a", "/b", path.join(root, ".venv/share/jupyter")]);
    expect(jupyterPath({ ...env, JUPYTER_DATA_DIR: "/mine" })[3]).to.equal("/mine");
    if (process.platform === "linux") {
      expect(places.slice(3)).to.deep.equal([
        "/home/me/.local/share/jupyter",
        "/usr/local/share/jupyter",
        "/usr/share/jupyter",
      ]);
    }
  });

  it("of the same name: the first place wins, and the name's case does not matter", () => {
    const first = install("first", "twin", { argv: ["first"] });
    const second = install("second", "Twin", { argv: ["second"] });
    expect(findKernel("twin", { folders: [first, second] }).argv).to.deep.equal(["first"]);
    expect(findKernel("TWIN", { folders: [second, first] }).argv).to.deep.equal(["second"]);
  });

  it("have their templates filled in", () => {
    const data = install("filled", "k", {
      argv: ["run", "{resource_dir}/x", "{prefix}", "{connection_file}"],
      display_name: "K",
      language: "l",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: kernelspecs write variables so.
      env: { A: "${HOME}/bin:${NOT_THERE}" },
      interrupt_mode: "message",
    });
    expect(findKernel("k", { folders: [data], env: { HOME: "/h" } })).to.deep.equal({
      name: "k",
      displayName: "K",
      language: "l",
      argv: ["run", path.join(data, "kernels", "k", "x"), path.join(folder, "filled"), "{connection_file}"],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable that is not set stays as it is.
      env: { A: "/h/bin:${NOT_THERE}" },
      interruptMode: "message",
    });
  });

  it("with a bare python get the interpreter that they are installed beside", () => {
    const data = install("venv", "py", { argv: ["python3", "-m", "x"] });
    expect(findKernel("py", { folders: [data] }).argv[0]).to.equal("python3");
    const own = path.join(folder, "venv", process.platform === "win32" ? "python.exe" : "bin/python");
    mkdirSync(path.dirname(own), { recursive: true });
    writeFileSync(own, "");
    expect(findKernel("py", { folders: [data] }).argv[0]).to.equal(own);
  });

  it("that cannot be read are named with their file", () => {
    const data = install("broken", "bad", "{");
    const file = path.join(data, "kernels", "bad", "kernel.json");
    const find = () => findKernel("bad", { folders: [data] });
    expect(find).to.throw(KernelSpecError, `expected a command line "argv" in ${file}`);
  });

  it("unknown by name raise an error that lists the known ones", () => {
    const data = install("some", "zeta", { argv: ["z"] });
    const find = () => findKernel("nope", { folders: [data] });
    expect(find).to.throw(KernelSpecError, 'no kernel "nope"; known kernels: tslab, workbook, zeta');
  });

  it("include our own and tslab from node_modules when no Jupyter is installed", () => {
    const { argv, language } = findKernel("tslab", { folders: [] });
    expect(language).to.equal("typescript");
    expect(argv[0]).to.equal(process.execPath);
    expect(argv[1]).to.match(/node_modules.tslab.bin.tslab$/);
    expect(kernelNames({ folders: [] })).to.deep.equal(["tslab", "workbook"]);
  });
});
