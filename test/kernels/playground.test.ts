/** The playground on a GPU or software Vulkan: what it finds out about a kernel, and how each failure ends. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { findAdapter, openDevice } from "workbook/kernels/adapter";
import { KernelError } from "workbook/kernels/playground/failure";
import { wordFindings, wordUnwatched } from "workbook/kernels/playground/findings";
import type { Job } from "workbook/kernels/playground/job";
import { PlaygroundProcess } from "workbook/kernels/playground/process";
import { runJob } from "workbook/kernels/playground/runner";
import { skipWithoutGpu } from "../gpu.js";

const T = 65;

/** A kernel over x, y [65] and n = 65, with that body. */
function kernel(body: string, { x = "array<f32>", more = "" } = {}): string {
  return `@group(0) @binding(0) var<storage, read> x: ${x};
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> n: vec4u;
${more}
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) { let i = id.x; ${body} }`;
}

function job(wgsl: string, more: Partial<Job> = {}): Job {
  const x = Float32Array.from({ length: T }, (_, i) => i + 1);
  return { wgsl, inputs: [x], output: T, sizes: [T], workgroups: [2], isTimed: false, ...more };
}

const right = job(kernel("if (i < n.x) { y[i] = 2 * x[i]; }"));

describe("the playground of WGSL", () => {
  let playground: PlaygroundProcess;

  before(async function () {
    playground = new PlaygroundProcess();
    await playground.started().catch((error: Error) => skipWithoutGpu(this, error));
  });
  after(() => playground.kill());

  const findings = async (asked: Job) => wordFindings((await playground.run(asked, 20)).findings, asked, [T]);

  it("returns what the kernel writes, its time, and no complaint about a kernel that is right", async () => {
    const ran = await playground.run({ ...right, isTimed: true }, 20);
    expect([...ran.output]).to.deep.equal(Array.from({ length: T }, (_, i) => 2 * (i + 1)));
    expect(ran.findings).to.deep.equal({ unwatched: [] });
    expect(ran.milliseconds).to.be.above(0);
    expect(ran.runs).to.be.within(1, 20);
    expect(ran.adapter).to.not.equal("");
  });

  it("sees a write behind the output's end, and where", async () => {
    expect(await findings(job(kernel("y[i] = 2 * x[min(i, n.x - 1)];")))).to.deep.equal([
      "it writes outside of y: number 65, where 64 is the last (is every index held against its size?)",
    ]);
  });

  it("sees a write far behind the end, and one before the beginning, at the last guard", async () => {
    const [far] = await findings(job(kernel("if (i < n.x) { y[i] = 1; } y[i + 1000000] = 1;")));
    expect(far).to.contain("number 1091 or one farther out");
    const [before] = await findings(job(kernel("if (i < n.x) { y[i] = 1; y[i32(i) - 1] = 1; }")));
    expect(before).to.contain("number 1091 or one farther out");
  });

  it("sees a read behind an input's end that the result hangs on, floating-point or not", async () => {
    const said =
      "it reads outside of a buffer: the result at [64] changes with what lies behind the buffers' ends (is every index held against its size?)";
    expect(await findings(job(kernel("if (i < n.x) { y[i] = x[i + 1]; }")))).to.deep.equal([said]);
    expect(await findings(job(kernel("if (i < n.x) { y[i] = max(100, x[i + 1]); }")))).to.deep.equal([said]);
    const integers = { inputs: [Int32Array.from({ length: T }, () => 1)] };
    const counts = job(kernel("if (i < n.x) { y[i] = f32(x[i + 1]); }", { x: "array<i32>" }), integers);
    expect(await findings(counts)).to.deep.equal([said]);
  });

  it("leaves alone a kernel that bounds itself by arrayLength, and says that it saw nothing there", async () => {
    const asked = job(kernel("if (i < arrayLength(&y)) { y[i] = x[i]; }"));
    const { findings: found } = await playground.run(asked, 20);
    expect(found).to.deep.equal({ unwatched: [1] });
    expect(wordUnwatched(found, asked)).to.match(/^accesses outside of y cannot be seen here/);
  });

  it("sees what is never written, and calls it NaN", async () => {
    const asked = job(kernel("if (i < 10) { y[i] = x[i]; }"));
    expect(await findings(asked)).to.deep.equal(["it never writes [10] of y, which holds NaN"]);
    expect((await playground.run(asked, 20)).output[10]).to.be.NaN;
  });

  it("sees that two runs on the same inputs differ", async () => {
    const [said] = await findings(job(kernel("if (i < n.x) { y[i] = f32(bitcast<u32>(y[i]) >> 31); }")));
    expect(said).to.match(/^two runs on the same inputs differ, first at \[0\]/);
  });

  const failures: Readonly<Record<string, readonly [Job, KernelError["reason"], string]>> = {
    "WGSL that does not compile, with its line": [
      job(kernel("y[i] = z;")),
      "compile",
      "the WGSL does not compile: unresolved value 'z' (line 5 of the WGSL)",
    ],
    "a barrier that not every invocation reaches": [
      job(kernel("if (i < 3) { workgroupBarrier(); }")),
      "compile",
      "the WGSL does not compile: 'workgroupBarrier' must only be called from uniform control flow (line 5 of the WGSL)",
    ],
    "an entry point of another name": [
      job(kernel("y[i] = 1;").replace("fn main", "fn double")),
      "launch",
      "expected an entry point `@compute @workgroup_size(…) fn main`, got `fn double`",
    ],
    "an override constant without a value": [
      job(kernel("y[i] = f32(N);", { more: "override N: u32;" })),
      "launch",
      "`constants` needs a value for the WGSL's `override N`",
    ],
    "a constant that the WGSL does not know": [
      job(kernel("y[i] = 1;"), { constants: { N: 3 } }),
      "launch",
      "`constants` has N, and the WGSL no `override N`",
    ],
    "an input that the WGSL would write": [
      job(kernel("x[i] = y[i];").replace("storage, read>", "storage, read_write>")),
      "launch",
      "@binding(0) x is input 0: expected var<storage, read>, got var<storage, read_write>",
    ],
    "a buffer that nothing is bound to": [
      job(kernel("y[i] = z[i];", { more: "@group(0) @binding(3) var<storage> z: array<f32>;" })),
      "launch",
      "@binding(3) z has nothing to hold: 3 buffers are bound (inputs, output, sizes)",
    ],
    "an array longer than its input": [
      job(kernel("y[i] = x[i];", { x: "array<f32, 100>" })),
      "launch",
      "@binding(0) x: the WGSL's type of it needs 400 bytes, got 260",
    ],
  };
  for (const [what, [asked, reason, message]] of Object.entries(failures)) {
    it(`ends in one sentence, and runs the next kernel, after ${what}`, async () => {
      expect(await failure(playground.run(asked, 20))).to.deep.equal([reason, message]);
      expect((await playground.run(right, 20)).output[1]).to.equal(4);
    });
  }

  it("ends a kernel that runs too long, and its process with it", async () => {
    const endless = job(kernel("var k = 0u; while (n.x > 3) { k += 1; y[0] = f32(k); }"));
    const own = new PlaygroundProcess();
    await own.run(right, 20);
    expect(await failure(own.run(endless, 2))).to.deep.equal([
      "slow",
      "the kernel (is there a loop that does not end?) took longer than 2 s and was ended",
    ]);
    expect(own.isAlive).to.equal(false);
    await own.ended;
  });

  it("a device that is lost ends in one sentence", async () => {
    const { adapter } = await findAdapter();
    const device = await openDevice(adapter);
    const running = runJob(device, right, (stage) => {
      if (stage === "running") device.destroy();
    });
    const [reason, message] = await failure(running);
    expect(reason).to.equal("lost");
    expect(message).to.match(/^the GPU device was lost: /);
  });

  it("leaves nothing allocated on the device", async () => {
    const { adapter } = await findAdapter();
    const device = await openDevice(adapter);
    let [made, freed] = [0, 0];
    const create = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      made++;
      const buffer = create(descriptor);
      const destroy = buffer.destroy.bind(buffer);
      buffer.destroy = () => {
        freed++;
        return destroy();
      };
      return buffer;
    };
    await runJob(device, right);
    expect(made).to.be.above(0);
    expect(freed).to.equal(made);
    device.destroy();
  });
});

describe("a playground's process", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "workbook-impostor-"));
  after(() => rmSync(folder, { recursive: true }));

  /** A process that does something else than run kernels. */
  function impostor(code: string): PlaygroundProcess {
    const file = path.join(folder, "child.mjs");
    writeFileSync(file, `process.on("disconnect", () => process.exit());\n${code}`);
    return new PlaygroundProcess(file);
  }
  const ready = `process.send({ kind: "ready" });`;

  it("that crashes ends in one sentence with its last words", async () => {
    const crashing = impostor(
      `${ready} process.on("message", () => { console.error("first"); console.error("out of luck"); process.exit(7); });`,
    );
    expect(await failure(crashing.run(right, 20))).to.deep.equal([
      "crash",
      "the process that runs kernels crashed (exit code 7): out of luck",
    ]);
    expect(crashing.isAlive).to.equal(false);
  });

  it("that finds no GPU says how to get one, and is gone", async () => {
    const blind = impostor(
      `process.send({ kind: "failed", failure: { reason: "no gpu", message: "none" } });`,
    );
    expect(await failure(blind.run(right, 20))).to.deep.equal(["no gpu", "none"]);
    expect(blind.isAlive).to.equal(false);
  });

  it("that hangs while other numbers lie behind the buffers says that the kernel reads there", async () => {
    const slow = impostor(
      `${ready} process.on("message", () => process.send({ kind: "stage", stage: "examining" }));`,
    );
    const [reason, message] = await failure(slow.run(right, 1));
    expect(reason).to.equal("slow");
    expect(message).to.match(/it reads there/);
  });
});

async function failure(running: Promise<unknown>): Promise<[KernelError["reason"], string]> {
  const error = await running.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof KernelError)) throw error ?? new Error("expected a KernelError, got a result");
  return [error.reason, error.message];
}
