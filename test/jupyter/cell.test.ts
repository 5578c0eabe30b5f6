import os from "node:os";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { CellRunner } from "../../lib/jupyter/cell.js";
import { type KernelClient, startKernel } from "../../lib/jupyter/client.js";
import { text } from "../../lib/jupyter/notebook.js";
import { cell, fakeKernel } from "./fakes.js";

let kernel: KernelClient;

const runner = (timeout = 20_000) => new CellRunner(kernel, timeout);

describe("running a cell", () => {
  before(async () => {
    kernel = await startKernel(fakeKernel(), { cwd: os.tmpdir(), graces: { idle: 50 } });
  });
  after(() => kernel.shutdown());

  const problems: [what: string, made: ReturnType<typeof cell>, message: RegExp][] = [
    ["an error, without its colours", cell("raise E x"), /^E: x\n {2}at line 1$/],
    [
      "an error that is only on stderr, as tslab's are",
      cell("warn careful\nmumble 1:7 - T"),
      /^careful\n1:7 - T$/,
    ],
    ["an error without a word", cell("status error"), /^the kernel reported an error without saying which$/],
    ["an error shown by a kernel that replies ok", cell("lie E x"), /^E: x\n {2}at line 1$/],
    ["an error that was wanted and did not come", cell("print a", "raises-exception"), /^expected an error/],
    ["an aborted request", cell("status aborted"), /^the kernel did not run the cell: it replied "aborted"$/],
    [
      "a reply of no known status",
      cell("status fine"),
      /^the kernel did not run the cell: it replied "fine"$/,
    ],
    ["a missing idle", cell("print a\nno-idle"), /^the kernel replied but never said that it was idle/],
    ["a missing idle after a wanted error", cell("raise E x\nno-idle", "raises-exception"), /never .* idle/],
  ];
  for (const [what, made, message] of problems) {
    it(`complains of ${what}`, async () => {
      expect(await runner().run(made)).to.match(message);
    });
  }

  it("gives the end of an error that is long", async () => {
    const lines = Array.from({ length: 100 }, (_, i) => `warn ${i}`).join("\n");
    const message = await runner().run(cell(`${lines}\nmumble the end`));
    expect(message?.split("\n")).to.have.length(40);
    expect(message).to.match(/98\n99\nthe end$/);
  });

  it("keeps what a cell showed before its timeout, and when it was interrupted", async () => {
    const made = cell("print before\nhang");
    expect(await runner(50).run(made)).to.equal("timed out after 0.05 s and was interrupted");
    expect(made.outputs).to.deep.equal([
      { output_type: "stream", name: "stdout", text: "before\ninterrupted by signal\n" },
    ]);
  });

  it("does not take a timeout for the error that raises-exception asks for", async () => {
    expect(await runner(50).run(cell("hang", "raises-exception"))).to.match(/^timed out/);
  });
});

describe("several cells in one kernel", () => {
  before(async () => {
    kernel = await startKernel(fakeKernel(), { cwd: os.tmpdir() });
  });
  after(() => kernel.shutdown());

  it("goes on after a wanted error, past the aborts that tslab answers then", async () => {
    const cells = runner();
    const after = cell("print after");
    expect(await cells.run(cell("abort-next 2\nraise E wanted", "raises-exception"))).to.equal(undefined);
    expect(await cells.run(after)).to.equal(undefined);
    expect(after.outputs.map((output) => "text" in output && text(output.text))).to.deep.equal(["after\n"]);
  });

  it("does not ask again when nothing had raised", async () => {
    const cells = runner();
    await cells.run(cell("abort-next 1"));
    expect(await cells.run(cell("print after"))).to.match(/it replied "abort"/);
    expect(await cells.run(cell("print after"))).to.equal(undefined);
  });
});

describe("a cell whose idle is lost", () => {
  it("does not time out while that is waited for", async () => {
    kernel = await startKernel(fakeKernel(), { cwd: os.tmpdir(), graces: { idle: 350 } });
    expect(await runner(300).run(cell("no-idle"))).to.match(/never said that it was idle/);
    await kernel.shutdown();
  });
});
