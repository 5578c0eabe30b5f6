import { expect } from "chai";
import { describe, it } from "mocha";
import { formatFailure, formatTable, Progress } from "../../lib/jupyter/report.js";
import type { Job, Report } from "../../lib/jupyter/run.js";
import { fakeKernel, notebook } from "./fakes.js";

const good: Report = {
  notebook: "a.ipynb",
  kernel: "fake",
  ok: true,
  cells: 12,
  seconds: 3.21,
  startSeconds: 1,
  slowest: { cell: 4, seconds: 1.96 },
};
const bad: Report = {
  ...good,
  notebook: "longer/b.ipynb",
  ok: false,
  cells: 0,
  slowest: undefined,
  failure: { cell: 5, line: `const a = "${"x".repeat(80)}"`, message: "E: x\nat line 1" },
};

/** What a terminal, or a file, would have got. */
function stream(isTTY: boolean, columns = 80) {
  const written: string[] = [];
  const write = (text: string) => written.push(text);
  return { written, stream: { isTTY, columns, write } as unknown as NodeJS.WriteStream };
}

const job = (file: string): Job => ({ file, notebook: notebook(), kernel: fakeKernel() });

describe("the report of a run", () => {
  it("is a table with a line for each notebook, and a total for several", () => {
    expect(formatTable([good, bad], 4).split("\n")).to.deep.equal([
      "notebook        cells  seconds  slowest cell     status",
      "a.ipynb            12      3.2  2.0 s in cell 4  ok",
      "longer/b.ipynb      0      3.2                   failed",
      "total                      4.0                   1 failed",
    ]);
    expect(formatTable([good], 3).split("\n")).to.have.length(2);
  });

  it("names notebook, cell, first line and message of a failure, and the notebook where no cell ran", () => {
    const [first, second] = formatFailure(bad).split("\n");
    expect(first)
      .to.match(/^longer\/b\.ipynb, cell 5 \(const a = "x+…\): E: x$/)
      .and.to.have.length.below(100);
    expect(second).to.equal("    at line 1");
    expect(formatFailure({ ...bad, failure: { message: "no" } })).to.equal("longer/b.ipynb: no");
  });
});

describe("the progress of a run", () => {
  it("in a file is a line for each notebook that is done", () => {
    const { written, stream: file } = stream(false);
    const progress = new Progress(file);
    progress.on({ job: job("a.ipynb"), cell: 1, total: 12 });
    progress.on({ job: job("a.ipynb"), report: good });
    progress.close();
    expect(written.join("")).to.equal("ok      a.ipynb  12 cells  3.2 s\n");
  });

  it("on a terminal is a line for each notebook that runs, redrawn in place, and what is done above them", () => {
    const { written, stream: terminal } = stream(true, 30);
    const progress = new Progress(terminal);
    progress.on({ job: job("a.ipynb"), cell: 1, total: 9 });
    progress.on({ job: job("b.ipynb"), cell: 0, total: 1 });
    progress.on({ job: job("a.ipynb"), cell: 2, total: 9 });
    progress.on({ job: job("a.ipynb"), report: good });
    progress.close();
    const up = (lines: number) => `\u001B[${lines}A\u001B[J`;
    expect(written).to.deep.equal([
      "running a.ipynb  cell 1/9  0…\n",
      `${up(1)}running a.ipynb  cell 1/9  0…\nrunning b.ipynb  starting it…\n`,
      `${up(2)}running a.ipynb  cell 2/9  0…\nrunning b.ipynb  starting it…\n`,
      `${up(2)}ok      a.ipynb  12 cells  3.2 s\nrunning b.ipynb  starting it…\n`,
    ]);
  });
});
