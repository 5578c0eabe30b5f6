/** What `npm run bench:gpu` makes of its times: rows, verdict and pages, and what it does about processes that fail. No GPU. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { expect } from "chai";
import { after, describe, it } from "mocha";
import type { GpuInfo } from "workbook/kernels/adapter";
import type { Case } from "workbook/kernels/bench/frame/benchmark";
import { casesOf, kernelNames } from "workbook/kernels/bench/frame/kernels";
import { measureCases, measureGpu } from "workbook/kernels/bench/frame/parent";
import { type Row, rowsOf } from "workbook/kernels/bench/frame/rows";
import { report, type Setting } from "workbook/kernels/bench/frame/table";
import { judge } from "workbook/kernels/bench/frame/verdict";
import { Yardstick } from "workbook/kernels/bench/frame/yardstick";
import { root } from "workbook/root";

const ceilings = { bytesPerSecond: 1e6, flopsPerSecond: 2e6, product: "p", copy: "c" };
const ignored = () => {
  throw new Error("nothing runs here");
};
const one: Case = {
  label: "L",
  flops: 1000,
  bytes: 400,
  inputs: ignored,
  rungs: { composed: ignored, slow: ignored, broken: ignored, fine: ignored },
  rounding: { tolerance: 1e-3, because: "rounding" },
  timesComposed: 5,
  torch: { problem: "P", options: { causal: true }, gradients: 2 },
};
const timed = (rung: string, milliseconds: number) => ({
  rung,
  milliseconds,
  iqr: 0.5,
  wall: 2 * milliseconds,
});
const rows = rowsOf(
  one,
  ceilings,
  [timed("composed", 10), timed("slow", 4), timed("fine", 1)],
  [
    { ...timed("sdpa", 0.5), precision: "float32" },
    { ...timed("fla", 3), precision: "tf32" },
  ],
);
const gpu: GpuInfo = {
  description: "A",
  driver: "D",
  software: false,
  features: [],
  limits: {} as GpuInfo["limits"],
};
const setting: Setting = {
  machine: "M",
  adapter: "A",
  software: false,
  clock: "the GPU's timestamps",
  date: "2026-01-02T03:04:05Z",
  versions: { Node: "1", PyTorch: "2" },
  pytorch: "on cuda, X",
};
const page = (software: boolean, all: readonly Row[] = rows) =>
  report({
    setting: { ...setting, software },
    gpu,
    ceilings,
    rows: all,
    missing: [{ case: "L", rung: "broken", reason: "no memory", wrong: false }],
    verdict: judge([one], all, software),
  });

const folder = mkdtempSync(path.join(os.tmpdir(), "workbook-bench-test-"));
/** A process in place of a worker or of Python. */
function script(name: string, code: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, code);
  return file;
}

describe("kernels/bench, frame", () => {
  after(() => rmSync(folder, { recursive: true }));

  it("lists every kernel that has a file, and goals for attention and scans at T = 4096 on a GPU", async () => {
    const files = readdirSync(path.join(root, "lib/kernels/bench")).flatMap((file) =>
      file.endsWith(".ts") && file !== "main.ts" ? [path.basename(file, ".ts")] : [],
    );
    expect([...kernelNames]).to.deep.equal(files.sort());
    const goals = { attention: 5, "delta-rule": 20, "linear-attention": 20, "selective-scan": 20, wkv: 20 };
    for (const name of kernelNames) {
      for (const software of [false, true]) {
        const cases = await casesOf(name, { ...gpu, software });
        expect(cases).to.not.deep.equal([]);
        expect(new Set(cases.map(({ label }) => label)).size).to.equal(cases.length);
        for (const { torch } of cases) expect(torch?.problem, name).to.be.a("string");
        const asked = cases.filter(({ label }) => software || /T = 4096/.test(label));
        const goal = goals[name as keyof typeof goals];
        if (goal !== undefined) expect(asked).to.not.deep.equal([]);
        for (const each of asked) expect(each.timesComposed, each.label).to.equal(goal);
      }
    }
  });

  it("rows compare with the composition, the ceilings, and PyTorch with the best rung", () => {
    expect(rows.map(({ rung, by }) => `${by} ${rung}`)).to.deep.equal([
      "tfjs composed",
      "workbook slow",
      "workbook fine",
      "pytorch sdpa",
      "pytorch fla",
    ]);
    expect(rows.map(({ speedup }) => speedup)).to.deep.equal([1, 2.5, 10, 20, 10 / 3]);
    expect(rows.map(({ best }) => best)).to.deep.equal([undefined, undefined, undefined, 0.5, 3]);
    expect(rows[2]).to.include({ bytesPerSecond: 4e5, flopsPerSecond: 1e6, ofCopy: 0.4, ofProduct: 0.5 });
    expect(rowsOf(one, ceilings, [timed("fine", 1)])[0]!.speedup).to.equal(undefined);
  });

  it("the verdict takes the best rung, the ceiling that bounds it, and PyTorch's best", () => {
    expect(judge([one], rows, false)).to.deep.equal([
      { case: "L", goal: "5 × the composition", reached: "fine, 10.00 ×", met: true },
      {
        case: "L",
        goal: "50 % of the ceiling that bounds it",
        reached: "fine, 50.0 % of the product",
        met: true,
      },
      { case: "L", goal: "PyTorch's best, stated", reached: "fine, 0.50 × as fast as sdpa" },
    ]);
    const slow = rowsOf(one, ceilings, [timed("composed", 10), timed("slow", 4)]);
    expect(judge([one], slow, false).map(({ met }) => met)).to.deep.equal([false, false]);
    const alone = judge([one], rowsOf(one, ceilings, [timed("fine", 1)]), false);
    expect(alone[0]).to.deep.equal({ case: "L", goal: "5 × the composition", reached: "not measured" });
    const bytes = { ...one, bytes: 1000, timesComposed: undefined };
    expect(judge([bytes], rowsOf(bytes, ceilings, [timed("fine", 1)]), false)[0]!.reached).to.equal(
      "fine, 100.0 % of the copy",
    );
    expect(judge([one], rows, true).some((each) => "met" in each)).to.equal(false);
  });

  it("the page names machine, versions and sizes, what is missing and why, and calls software no GPU", () => {
    const text = page(false);
    for (const part of [
      "A; M; 2026-01-02",
      "Node 1, PyTorch 2",
      "sizes: those of a real GPU; times: the GPU's timestamps",
      "PyTorch: on cuda, X",
      "ceilings: 1 MB/s (c), 2 MFLOP/s (p, float32)",
      "PyTorch: sdpa ",
      "PyTorch: fla (tf32)",
      "not measured:\nL, broken: no memory",
    ]) {
      expect(text).to.contain(part);
    }
    expect(text).to.match(/5 × the composition +fine, 10\.00 × +yes/);
    expect(text).to.not.contain("software");
    expect(page(true)).to.contain("A, software in place of a GPU: no figure here is a GPU's; M; 2026-01-02");
    expect(page(true)).to.contain("sizes: small ones, for software");
    expect(page(true)).to.not.match(/ yes\b/);
    expect(page(false, [])).to.contain("nothing could be measured");
  });

  it("a rung that hangs or crashes costs its own row, and a new process goes on behind it", async () => {
    const worker = script(
      "worker.mjs",
      `process.on("disconnect", () => process.exit());
       process.once("message", ({ skip }) => {
         for (const rung of ["composed", "slow", "broken", "fine"].filter((name) => !skip.includes(name))) {
           process.send({ kind: "starting", what: rung });
           if (rung === "slow") return;
           if (rung === "broken") { console.error("first"); console.error("out of luck"); process.exit(7); }
           process.send({ kind: "timed", timed: { rung, milliseconds: 2, iqr: 0, wall: 3 } });
         }
         process.send({ kind: "done" });
       });`,
    );
    const cases = [{ kernel: "k", index: 0, one }];
    const result = await measureCases(cases, ceilings, true, { worker: [worker], seconds: 1 });
    expect(result.rows.map(({ rung, by }) => [rung, by])).to.deep.equal([
      ["composed", "tfjs"],
      ["fine", "workbook"],
    ]);
    expect(result.missing).to.deep.equal([
      { case: "L", rung: "slow", reason: "took longer than 1 s and was ended", wrong: false },
      { case: "L", rung: "broken", reason: "its process ended (exit code 7): out of luck", wrong: false },
    ]);
  });

  it("a machine without a GPU ends in the worker's own sentence", async () => {
    const blind = script(
      "blind.mjs",
      `process.once("message", () => process.send({ kind: "failed", message: "no GPU was found" }, () => process.exit()));`,
    );
    const failed = await measureGpu({ worker: [blind], seconds: 20 }).then(
      String,
      (error: Error) => error.message,
    );
    expect(failed).to.equal("no GPU was found");
  });

  it("PyTorch's process is asked in lines, compared with our numbers, and started anew when it ends", async () => {
    const numbers = (name: string, ...values: number[]) => {
      const file = path.join(folder, name);
      writeFileSync(file, Float32Array.from(values));
      return { path: file, shape: [values.length] };
    };
    const ours = numbers("ours.bin", 1, 2);
    const files = { near: numbers("near.bin", 1, 2.01), far: numbers("far.bin", 1, 3) };
    const impostor = script(
      "impostor.mjs",
      `import { createInterface } from "node:readline";
       import { appendFileSync } from "node:fs";
       const say = (message) => console.log(JSON.stringify(message));
       const files = ${JSON.stringify({ ...files, ours })};
       say({ hello: { device: "cuda, X", versions: { PyTorch: "2" }, absent: {} } });
       createInterface({ input: process.stdin }).on("line", (line) => {
         appendFileSync(${JSON.stringify(path.join(folder, "asked.txt"))}, line + "\\n");
         const { skip } = JSON.parse(line);
         const way = (name, precision, file) => {
           if (skip.includes(name)) return;
           say({ starting: name });
           if (name === "crash") { console.error("cuda is gone"); process.exit(1); }
           say({ name, precision, milliseconds: 1, iqr: 0, outputs: [files[file]] });
         };
         way("right", "float32", "ours");
         way("coarse", "tf32", "near");
         way("near", "float32", "near");
         if (!skip.includes("absent")) say({ name: "absent", missing: "not here" });
         way("crash", "float32", "ours");
         if (skip.includes("crash")) { way("last", "bfloat16", "far"); say({ done: true }); }
       });`,
    );
    const yardstick = new Yardstick(process.execPath, 20, impostor);
    expect(await yardstick.start()).to.deep.include({ device: "cuda, X" });
    const question = { inputs: [ours], outputs: [ours], folder, batches: 3, milliseconds: 1 };
    const { timed: times, missing } = await yardstick.measure(one, question);
    yardstick.stop();
    expect(times.map(({ rung }) => rung)).to.deep.equal(["right", "coarse"]);
    expect(missing.map(({ rung }) => rung)).to.deep.equal(
      ["near", "absent", "crash", "last"].map((name) => `PyTorch: ${name}`),
    );
    expect(missing[0]!.reason).to.match(/^computes other numbers than ours: largest error 5\.00e-3/);
    expect(missing[2]!.reason).to.match(/ended.*cuda is gone/);
    const asked = readFileSync(path.join(folder, "asked.txt"), "utf8").trim().split("\n");
    const { problem, options, gradients, inputs, skip } = JSON.parse(asked[1]!);
    expect({ problem, options, gradients, inputs }).to.deep.equal({ ...one.torch, inputs: [ours] });
    expect(skip).to.have.members(["right", "coarse", "near", "absent", "crash"]);
  });

  it("a Python that is not there, or has no PyTorch, says so", async () => {
    const none = new Yardstick(path.join(folder, "no-python"), 20);
    expect(await none.start().then(String, String)).to.match(/ENOENT/);
    const bare = script(
      "bare.mjs",
      `console.error("ModuleNotFoundError: No module named 'torch'"); process.exit(1);`,
    );
    expect(await new Yardstick(process.execPath, 20, bare).start().then(String, String)).to.contain(
      "'torch'",
    );
  });

  it("the scripts for PyTorch are Python, and know every problem that a kernel's file names", async function () {
    const at = path.join(root, "lib/kernels/bench/torch");
    const scripts = readdirSync(at).filter((file) => file.endsWith(".py"));
    const check = "import ast, sys; [ast.parse(open(file).read(), file) for file in sys.argv[1:]]";
    const { error, status, stderr } = spawnSync("python3", ["-c", check, ...scripts], {
      cwd: at,
      encoding: "utf8",
    });
    if (error !== undefined) this.skip();
    expect(status, stderr).to.equal(0);
    const known = readFileSync(path.join(at, "plain.py"), "utf8");
    for (const name of kernelNames) {
      for (const { torch } of await casesOf(name, gpu))
        expect(known).to.contain(`"${torch!.problem}": lambda`);
    }
  });
});
