import { existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import type { Graces } from "../../lib/jupyter/client.js";
import { type Notebook, type Output, text } from "../../lib/jupyter/notebook.js";
import { type Report, type RunEvent, runNotebook, runNotebooks } from "../../lib/jupyter/run.js";
import { cell, fakeKernel, notebook } from "./fakes.js";

// Where a test waits for what never comes, it gives up soon; where it waits for what comes, it has time.
const timeout = 20;

let folder: string;

interface Settings {
  kernel?: ReturnType<typeof fakeKernel>;
  graces?: Partial<Graces>;
  timeout?: number;
}

function run(made: Notebook, settings: Settings = {}): Promise<Report> {
  const { kernel = fakeKernel(), ...options } = settings;
  return runNotebook(
    { file: path.join(folder, "made-up.ipynb"), notebook: made, kernel },
    { timeout, ...options },
  );
}

function outputsOf({ cells }: Notebook, i: number): Output[] {
  const found = cells[i]!;
  return found.cell_type === "code" ? found.outputs : [];
}

function printed(made: Notebook, i: number): string {
  return outputsOf(made, i)
    .map((output) => (output.output_type === "stream" ? text(output.text) : ""))
    .join("");
}

describe("running a notebook", () => {
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "run-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("fills in the outputs of every cell, wherever and whenever they come", async () => {
    const made = notebook(
      "print a\nprint b\nwarn c",
      "display d old\nresult r",
      "update d new",
      "print gone\nclear wait\nprint stays",
      "late print from the fifth",
      "print last",
    );
    const report = await run(made);
    expect(report).to.deep.include({ ok: true, cells: 6, failure: undefined });
    expect(report.seconds).to.be.above(report.startSeconds).and.above(report.slowest!.seconds);
    expect(outputsOf(made, 0)).to.deep.equal([
      { output_type: "stream", name: "stdout", text: "a\nb\n" },
      { output_type: "stream", name: "stderr", text: "c\n" },
    ]);
    expect(outputsOf(made, 1)).to.deep.equal([
      { output_type: "display_data", data: { "text/plain": "new" }, metadata: {} },
      { output_type: "execute_result", data: { "text/plain": "r" }, metadata: {}, execution_count: 2 },
    ]);
    expect([2, 3, 4, 5].map((i) => printed(made, i))).to.deep.equal([
      "",
      "stays\n",
      "from the fifth\n",
      "last\n",
    ]);
    expect(made.cells.map((each) => each.cell_type === "code" && each.execution_count)).to.deep.equal([
      1, 2, 3, 4, 5, 6,
    ]);
    expect(made.metadata.language_info).to.deep.equal({ name: "fake" });
  });

  it("loses none of thousands of outputs", async () => {
    const made = notebook("count 5000");
    expect(await run(made)).to.deep.include({ ok: true });
    expect(printed(made, 0).trim().split("\n").map(Number)).to.deep.equal(
      Array.from({ length: 5000 }, (_, i) => i + 1),
    );
  });

  it("happens in the notebook's folder with the environment that was asked for", async () => {
    const made = notebook("where");
    const job = { file: path.join(folder, "a.ipynb"), notebook: made, kernel: fakeKernel() };
    await runNotebook(job, { timeout, env: { WORKBOOK_BACKEND: "cpu" } });
    expect(printed(made, 0)).to.equal(`${folder} cpu\n`);
  });

  it("skips empty cells, text and what is tagged skip-execution, and counts cells by their place", async () => {
    const skipped = { ...cell("raise E no", "skip-execution"), execution_count: 9 };
    const stale = { ...cell("  \n"), execution_count: 8, outputs: [{ output_type: "error" } as Output] };
    const made = notebook("print a", stale, skipped, "raise E x");
    made.cells.splice(1, 0, { cell_type: "markdown", id: "words", metadata: {}, source: "raise E no" });
    const report = await run(made);
    expect(report).to.deep.include({ ok: false, cells: 2 });
    expect(report.failure).to.deep.include({ cell: 5, line: "raise E x" });
    expect(made.cells[2]).to.deep.include({ execution_count: null, outputs: [] });
    expect(made.cells[3]).to.deep.include({ execution_count: 9 });
  });

  it("stops at the first error, and leaves nothing of an earlier run behind it", async () => {
    const stale = { ...cell("print never"), execution_count: 7 };
    stale.outputs.push({ output_type: "stream", name: "stdout", text: "stale" });
    const made = notebook("print a", "\nprint b\nraise TypeError no such thing", stale);
    const report = await run(made);
    expect(report).to.deep.include({ ok: false, cells: 2 });
    expect(report.failure).to.deep.equal({
      cell: 2,
      line: "print b",
      message: "TypeError: no such thing\n  at line 1",
    });
    expect(outputsOf(made, 1).map(({ output_type }) => output_type)).to.deep.equal(["stream", "error"]);
    expect(made.cells[2]).to.deep.include({ execution_count: null, outputs: [] });
  });

  const failing: [what: string, source: string, message: RegExp, settings?: Settings][] = [
    ["a question to stdin", "ask Name?", /^asked for input \("Name\?"\)/],
    ["a kernel that exits", "die 3 out of luck", /^the kernel "fake" exited with code 3; .*:\nout of luck$/],
    ["a kernel that exits well", "die 0", /^the kernel "fake" exited with code 0$/],
    ["a kernel that exits after its reply", "die-after-reply", /^the kernel "fake" exited with code 5$/],
    ["a kernel that is killed", "kill SIGSEGV", /^the kernel "fake" was killed by SIGSEGV$/],
    ["an error that comes after its cell was over", "late lie E x", /^E: x/],
    [
      "a timeout that nothing interrupts",
      "hang hard",
      /^timed out after 0\.1 s, did not react to an interrupt, and was killed$/,
      { timeout: 0.1, graces: { interrupt: 50 } },
    ],
    [
      "a reply that is signed with another key",
      "forge",
      /^timed out .* \(1 of its messages dropped: wrong signature\)$/,
      { timeout: 0.3, graces: { interrupt: 300 } },
    ],
  ];
  for (const [what, source, message, settings] of failing) {
    it(`fails on ${what}, and says in which cell`, async () => {
      const report = await run(notebook(source, "print b"), settings);
      expect(report.ok).to.equal(false);
      expect(report.failure?.message).to.match(message);
      expect(report.failure?.cell).to.equal(1);
    });
  }

  const starts: [
    what: string,
    kernel: ReturnType<typeof fakeKernel>,
    message: RegExp,
    graces?: Partial<Graces>,
  ][] = [
    [
      "dies at the start",
      fakeKernel(["refuse", "not today"]),
      /^the kernel "fake" exited with code 4; .*\nnot today$/,
    ],
    [
      "never gets ready",
      fakeKernel(["silent"]),
      /^the kernel "fake" was not ready after 0\.1 s$/,
      { ready: 100 },
    ],
    [
      "cannot be started",
      { ...fakeKernel(), argv: ["/no/such/program"] },
      /^the kernel "fake" could not be started: .*ENOENT/,
    ],
    ["always finds its ports in use", fakeKernel(["refuse", "EADDRINUSE"]), /its last words:\nEADDRINUSE$/],
  ];
  for (const [what, kernel, message, graces] of starts) {
    it(`fails, without a cell, on a kernel that ${what}`, async () => {
      const { ok, failure, cells } = await run(notebook("print a"), { kernel, graces });
      expect({ ok, cells, cell: failure?.cell }).to.deep.equal({ ok: false, cells: 0, cell: undefined });
      expect(failure?.message).to.match(message);
    });
  }

  it("tries other ports when the kernel finds the first ones taken", async () => {
    const kernel = fakeKernel(["busy-once", path.join(folder, "was-busy")]);
    expect(await run(notebook("print a"), { kernel })).to.deep.include({ ok: true });
    expect(existsSync(path.join(folder, "was-busy"))).to.equal(true);
  });
});

describe("running several notebooks", () => {
  /** Runs three notebooks and returns, in order, which one began or ended. */
  async function trace(parallel: number): Promise<{ events: string[]; reports: Report[] }> {
    const events: string[] = [];
    const jobs = ["a", "b", "c"].map((file) => ({
      file,
      notebook: notebook(file === "b" ? "raise E x" : "print a", "print b"),
      kernel: fakeKernel(),
    }));
    const onEvent = (event: RunEvent) =>
      events.push(
        "report" in event ? `${event.job.file} done` : `${event.job.file} ${event.cell}/${event.total}`,
      );
    const reports = await runNotebooks(jobs, { parallel, timeout, onEvent });
    return { events, reports };
  }

  it("one at a time, each reports its cells and its end, and one that fails does not stop the next", async () => {
    const { events, reports } = await trace(1);
    expect(events.join(", ")).to.equal(
      "a 0/2, a 1/2, a 2/2, a done, b 0/2, b 1/2, b done, c 0/2, c 1/2, c 2/2, c done",
    );
    expect(reports.map(({ notebook: name, ok }) => [name, ok])).to.deep.equal([
      ["a", true],
      ["b", false],
      ["c", true],
    ]);
  });

  it("two at a time, no more than two kernels run at once, and reports keep the order", async () => {
    const { events, reports } = await trace(2);
    expect(reports.map(({ notebook: name }) => name)).to.deep.equal(["a", "b", "c"]);
    const firstEnd = events.findIndex((event) => event.endsWith("done"));
    expect(events.findIndex((event) => event.startsWith("c"))).to.be.above(firstEnd);
    expect(events).to.have.length(11);
  });
});
