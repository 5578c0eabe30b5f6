import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { after, afterEach, before, beforeEach, describe, it } from "mocha";
import { kernelSpec } from "workbook/jupyter/kernel/kernelspec";
import { root } from "workbook/root";
import { type StepError, setupModule } from "./setup-module.js";

interface Locked {
  readonly version?: string;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}
type Lock = Readonly<Record<string, Locked>>;
type Env = Readonly<Record<string, string>>;

describe("set-up: npm packages", () => {
  const machine = { platform: "linux", arch: "x64" };
  let isInstalled: (
    wanted: Lock | undefined,
    installed: Lock | undefined,
    isThere: (folder: string) => boolean,
    machine: { platform: string; arch: string },
  ) => boolean;
  const everywhere = () => true;

  before(async () => {
    ({ isInstalled } = await setupModule<{ isInstalled: typeof isInstalled }>("steps/packages.mjs"));
  });

  it("are installed when npm's own list has every version of the lock file, and every folder is there", () => {
    const lock = { "": {}, "node_modules/a": { version: "1.0.0" }, "node_modules/b": { version: "2.0.0" } };
    const { "": _, ...list } = lock;
    expect(isInstalled(lock, list, everywhere, machine)).to.equal(true);
    expect(isInstalled(lock, list, (folder) => folder !== "node_modules/b", machine)).to.equal(false);
    expect(
      isInstalled(lock, { ...list, "node_modules/b": { version: "2.0.1" } }, everywhere, machine),
    ).to.equal(false);
    expect(isInstalled(lock, { "node_modules/a": { version: "1.0.0" } }, everywhere, machine)).to.equal(
      false,
    );
    expect(isInstalled(lock, undefined, everywhere, machine)).to.equal(false);
  });

  it("may lack what is meant for another machine, and nothing else that is optional", () => {
    const lacks = (locked: Locked) => isInstalled({ "node_modules/a": locked }, {}, everywhere, machine);
    expect(lacks({ version: "1.0.0", optional: true, os: ["darwin"], cpu: ["arm64"] })).to.equal(true);
    expect(lacks({ version: "1.0.0", optional: true, os: ["linux"], cpu: ["arm64"] })).to.equal(true);
    expect(lacks({ version: "1.0.0", optional: true, os: ["linux"], cpu: ["x64"], libc: ["musl"] })).to.equal(
      true,
    );
    expect(lacks({ version: "1.0.0", optional: true, os: ["linux"], cpu: ["x64"] })).to.equal(false);
    expect(lacks({ version: "1.0.0", os: ["darwin"] })).to.equal(false);
  });
});

describe("set-up: Python", () => {
  let folder: string;
  let findPython: (env: Env) => { program: string; version: string };

  before(async () => {
    ({ findPython } = await setupModule<{ findPython: typeof findPython }>("steps/python.mjs"));
  });
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "workbook-python-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A program that answers as a Python of that version, with or without ensurepip. */
  function fake(name: string, version: string, { complete = true } = {}) {
    const program = path.join(folder, name);
    const onImport = complete ? "exit 0" : "exit 1";
    writeFileSync(program, `#!/bin/sh\ncase "$2" in *ensurepip*) ${onImport};; esac\necho ${version}\n`);
    chmodSync(program, 0o755);
    return program;
  }
  const complaint = (env: Env): StepError => {
    try {
      findPython(env);
    } catch (error) {
      return error as StepError;
    }
    throw new Error("findPython found one");
  };

  it("is the first on the PATH that is new enough and complete", () => {
    fake("python3", "3.9.18");
    fake("python3.12", "3.12.1", { complete: false });
    const program = fake("python3.11", "3.11.7");
    expect(findPython({ PATH: folder })).to.deep.equal({ program, version: "3.11.7" });
  });

  it("is the one that WORKBOOK_PYTHON names, and no other", () => {
    fake("python3", "3.12.1");
    const program = fake("mine", "3.10.0");
    expect(findPython({ PATH: folder, WORKBOOK_PYTHON: program }).program).to.equal(program);
    const missing = complaint({ PATH: folder, WORKBOOK_PYTHON: "/nowhere/python" });
    expect(missing.message).to.equal(
      'WORKBOOK_PYTHON names "/nowhere/python", which is no Python that runs.',
    );
  });

  it("that is too old, incomplete or absent is named, with what to do", () => {
    expect(complaint({ PATH: folder }).message).to.contain("none is on the PATH");
    fake("python3", "3.9.18");
    fake("python3.11", "3.11.7", { complete: false });
    const { message, remedy } = complaint({ PATH: folder });
    expect(message).to.contain("python3 is 3.9.18");
    expect(message).to.contain("python3.11 is 3.11.7 but lacks venv or ensurepip");
    expect(remedy).to.contain("apt install python3-venv");
  });
});

describe("set-up: TensorFlow", () => {
  interface Machine {
    readonly platform: string;
    readonly arch: string;
    readonly hasNvidia: () => boolean;
  }
  let chooseTensorflow: (env: Env, machine: Machine) => { variant: string };
  const machine = (platform: string, arch: string, nvidia: boolean): Machine => ({
    platform,
    arch,
    hasNvidia: () => nvidia,
  });
  const chosen = (env: Env, on: Machine) => chooseTensorflow(env, on).variant;

  before(async () => {
    ({ chooseTensorflow } = await setupModule<{ chooseTensorflow: typeof chooseTensorflow }>(
      "steps/tensorflow.mjs",
    ));
  });

  it("is the CUDA one exactly where an NVIDIA driver is and the wheels have it", () => {
    expect(chosen({}, machine("linux", "x64", true))).to.equal("cuda");
    expect(chosen({}, machine("linux", "x64", false))).to.equal("cpu");
    expect(chosen({}, machine("linux", "arm64", true))).to.equal("cpu");
    expect(chosen({}, machine("darwin", "arm64", false))).to.equal("cpu");
    expect(chosen({}, machine("darwin", "x64", false))).to.equal("none");
    expect(chosen({}, machine("win32", "x64", true))).to.equal("none");
  });

  it("is what WORKBOOK_TENSORFLOW says, where that makes sense", () => {
    const linux = machine("linux", "x64", true);
    expect(chosen({ WORKBOOK_TENSORFLOW: "cpu" }, linux)).to.equal("cpu");
    expect(chosen({ WORKBOOK_TENSORFLOW: "none" }, linux)).to.equal("none");
    expect(chosen({ WORKBOOK_TENSORFLOW: "" }, linux)).to.equal("cuda");
    expect(chosen({ WORKBOOK_TENSORFLOW: "cuda" }, machine("linux", "x64", false))).to.equal("cuda");
    expect(() => chosen({ WORKBOOK_TENSORFLOW: "gpu" }, linux)).to.throw(
      'expected cpu, cuda or none, got "gpu"',
    );
    expect(() => chosen({ WORKBOOK_TENSORFLOW: "cuda" }, machine("darwin", "arm64", false))).to.throw(
      "cuda is for linux-x64, and this is darwin-arm64",
    );
  });
});

describe("set-up: the compiler", () => {
  let findCompiler: (env: Env) => { program: string; version: string };
  const folder = mkdtempSync(path.join(tmpdir(), "workbook-compiler-"));

  before(async () => {
    ({ findCompiler } = await setupModule<{ findCompiler: typeof findCompiler }>("steps/compiler.mjs"));
    mkdirSync(path.join(folder, "bin"));
    const program = path.join(folder, "bin/clang++");
    writeFileSync(program, "#!/bin/sh\necho clang 17\necho more\n");
    chmodSync(program, 0o755);
  });
  after(() => rmSync(folder, { recursive: true }));

  it("is the first known one that runs, or the one that CXX names", () => {
    const bin = path.join(folder, "bin");
    expect(findCompiler({ PATH: bin })).to.deep.equal({
      program: path.join(bin, "clang++"),
      version: "clang 17",
    });
    expect(findCompiler({ PATH: "", CXX: path.join(bin, "clang++") }).version).to.equal("clang 17");
    expect(() => findCompiler({ PATH: folder })).to.throw("none of g++, c++, clang++ is on the PATH");
    expect(() => findCompiler({ PATH: bin, CXX: "icpc" })).to.throw('CXX names "icpc"');
  });
});

describe("set-up: JupyterLab", () => {
  const json = (file: string) => JSON.parse(readFileSync(path.join(root, file), "utf8"));

  it("lets through exactly the kernels that are set up, the workbook's own by default", async () => {
    const { kernelNames } = await setupModule<{ kernelNames: string[] }>("steps/kernelspec.mjs");
    const config = json("lib/setup/jupyter/jupyter_server_config.json");
    expect(config.KernelSpecManager.allowed_kernelspecs).to.deep.equal(kernelNames);
    expect(config.MultiKernelManager.default_kernel_name).to.equal(kernelNames[0]);
  });

  it("starts the workbook's kernel as the library says", function () {
    const folder = path.join(root, ".venv/share/jupyter/kernels/workbook");
    if (!existsSync(folder)) {
      this.skipReason = "no kernelspec in .venv";
      this.skip();
    }
    const spec = JSON.parse(readFileSync(path.join(folder, "kernel.json"), "utf8"));
    const argv = spec.argv.map((word: string) =>
      word.replace(/^\{resource_dir\}.*/, (file) => path.join(folder, file.slice(14))),
    );
    expect({ ...spec, argv }).to.deep.equal(kernelSpec({ node: spec.argv[0] }));
  });

  it("draws with the same plotly.js as the library", function () {
    const extension = ".venv/share/jupyter/labextensions/jupyterlab-plotly/package.json";
    if (!existsSync(path.join(root, extension))) {
      this.skipReason = "no JupyterLab in .venv";
      this.skip();
    }
    const drawn = json(extension).dependencies["plotly.js"];
    expect(drawn).to.equal(json("package.json").dependencies["plotly.js-dist"]);
  });
});
