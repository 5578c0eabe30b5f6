import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { afterEach, beforeEach, describe, it } from "mocha";
import type { BatchEvent } from "workbook/grading/batch/grade";
import { LockedError, takeLock } from "workbook/grading/batch/lock";
import type { Outcome } from "workbook/grading/batch/outcome";
import { BrokenGrader } from "workbook/grading/batch/protocol";
import { type Fixture, fixture } from "./fixture.js";

describe("a batch", () => {
  let batch: Fixture;
  beforeEach(() => {
    batch = fixture();
  });
  afterEach(() => batch.remove());

  const outcomes = (): readonly Outcome[] =>
    JSON.parse(readFileSync(path.join(batch.out, "report.json"), "utf8")).outcomes;
  const reasons = () => Object.fromEntries(outcomes().map(({ student, reason }) => [student, reason]));
  const judged = (events: readonly BatchEvent[]) =>
    events.flatMap((event) => (event.kind === "finished" ? [event.task.student] : [])).sort();

  it("gives every submission a row, in the order of students, also beside ones that kill their worker", async () => {
    for (const [student, text] of [
      ["zoe", "pass"],
      ["ann", "die"],
      ["bob", "fail"],
      ["cid", "refuse"],
      ["dan", "die once"],
    ] as const) {
      batch.write(student, text);
    }
    const { events } = await batch.run();
    expect(Object.keys(reasons())).to.deep.equal(["ann", "bob", "cid", "dan", "zoe"]);
    expect(reasons()).to.deep.equal({
      ...{ ann: "the grader failed", bob: "", cid: "types", dan: "", zoe: "" },
    });
    expect(outcomes().find(({ student }) => student === "ann")!.report.message).to.match(/ended with code 3/);
    const replaced = events.flatMap((event) => (event.kind === "replaced" ? [event.task.student] : []));
    expect(replaced.sort()).to.deep.equal(["ann", "dan"]);
  });

  it("gives up a submission on which the judge hangs", async () => {
    batch.write("a", "hang");
    await batch.run({ patience: 200 });
    expect(outcomes()[0]!.report.message).to.match(/no sign of life for 0\.2 s/);
  });

  it("goes on with the others while one keeps its worker waiting", async () => {
    batch.write("a", "wait");
    batch.write("b", "release");
    batch.write("c", "pass");
    const { events } = await batch.run({ jobs: 1, stall: 1 });
    expect(Object.keys(reasons())).to.deep.equal(["a", "b", "c"]);
    expect(events.filter(({ kind }) => kind === "replaced")).to.deep.equal([]);
  });

  it("lets no more than three wait for each worker that was asked for", async () => {
    const students = ["a", "b", "c", "d", "e"];
    for (const student of students) batch.write(student, "wait");
    const submissions = path.join(batch.folder, "submissions");
    const waiting = () => readdirSync(submissions).filter((name) => name.endsWith(".waits")).length;
    let [running, most] = [0, 0];
    const onEvent = ({ kind }: BatchEvent) => {
      if (kind === "started") most = Math.max(most, ++running);
      if (kind === "finished") running--;
    };
    const end = batch.run({ jobs: 1, stall: 1, onEvent });
    while (waiting() < 3) await sleep(20);
    // For one too many to begin.
    await sleep(200);
    writeFileSync(path.join(submissions, "released"), "");
    await end;
    expect(most).to.equal(3);
    expect(Object.keys(reasons())).to.deep.equal(students);
  });

  it("asks one language server about the types that its workers meet", async () => {
    for (const student of ["a", "b", "c"]) batch.write(student, "types");
    await batch.run({ jobs: 3 });
    const messages = outcomes().map(({ report }) => report.message);
    const wanted = ["a", "b", "c"].map((student) => `Type '3' is not assignable to type '"${student}"'.`);
    expect(messages).to.deep.equal(wanted);
  }).timeout(120_000);

  it("writes the same bytes with one worker and with three", async () => {
    for (const student of ["a", "b", "c", "d", "e"]) batch.write(student, student < "c" ? "pass" : "fail");
    await batch.run({ jobs: 1 });
    const other = path.join(batch.folder, "other");
    await batch.run({ jobs: 3, out: other });
    expect(batch.files(other)).to.deep.equal(batch.files());
    expect(Object.keys(batch.files())).to.have.length(3 + 2 * 5);
  });

  it("judges nothing again that it has judged, and says so", async () => {
    for (const student of ["a", "b", "c"]) batch.write(student, "pass");
    expect(judged((await batch.run()).events)).to.deep.equal(["a", "b", "c"]);
    const first = batch.files();
    const { events } = await batch.run();
    expect(events).to.deep.equal([{ kind: "resumed", done: 3, total: 3 }]);
    expect(batch.files()).to.deep.equal(first);
  });

  it("judges a submission again when its bytes change, and nothing else", async () => {
    for (const student of ["a", "b", "c"]) batch.write(student, "pass");
    await batch.run();
    batch.write("b", "fail");
    expect(judged((await batch.run()).events)).to.deep.equal(["b"]);
    expect(outcomes().map(({ report }) => report.score)).to.deep.equal([5, 4, 5]);
  });

  it("tries again what the grader failed on", async () => {
    batch.write("a", "die");
    await batch.run();
    expect(judged((await batch.run()).events)).to.deep.equal(["a"]);
  });

  it("judges again what a damaged journal lost", async () => {
    batch.write("a", "pass");
    await batch.run();
    const first = batch.files();
    const journal = path.join(batch.out, ".journal");
    const [entry] = readdirSync(journal).filter((name) => name.endsWith(".json"));
    writeFileSync(path.join(journal, entry!), '{"report":');
    expect(judged((await batch.run()).events)).to.deep.equal(["a"]);
    expect(batch.files()).to.deep.equal(first);
  });

  it("stops as a whole where no submission can be judged", async () => {
    for (const student of ["a", "b", "c"]) batch.write(student, "broken");
    const error = await batch.run().catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(BrokenGrader);
    expect(String(error)).to.include("the tests do not load");
  });

  it("stops where workers cannot even start", async () => {
    batch.write("a", "pass");
    const error = await batch
      .run({ judge: "/there/is/no/such/module.js" })
      .catch((thrown: unknown) => thrown);
    expect(String(error)).to.match(/a worker could not start: it ended with code 1/);
  });

  it("removes files of students who are gone, and leaves what it did not write", async () => {
    batch.write("a", "pass");
    batch.write("b", "pass");
    await batch.run();
    writeFileSync(path.join(batch.out, "b", "remark.txt"), "mine");
    await batch.run({ onEvent: () => {}, wanted: ["json", "html"] });
    const left = Object.keys(batch.files());
    expect(left).to.deep.equal(["a/feedback.html", "b/feedback.html", "b/remark.txt", "report.json"]);
  });

  it("refuses a folder that another batch is grading into, in one sentence", async () => {
    batch.write("a", "pass");
    const unlock = takeLock(path.join(batch.out, ".journal", "lock"));
    const error = await batch.run().catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(LockedError);
    expect((error as Error).message).to.match(
      /^process \d+ on .* is grading into this folder; wait for it to end$/,
    );
    unlock();
    expect(judged((await batch.run()).events)).to.deep.equal(["a"]);
  });

  it("takes over the lock of a process that is gone, also when its id is in use again", async () => {
    batch.write("a", "pass");
    await batch.run();
    const lock = path.join(batch.out, ".journal", "lock");
    const { hostname } = await import("node:os");
    const holder = { host: hostname(), pid: process.pid, started: "some other process with this id" };
    writeFileSync(lock, JSON.stringify(holder));
    expect((await batch.run()).events).to.have.length(1);
    writeFileSync(lock, JSON.stringify({ ...holder, host: "another machine" }));
    const error = await batch.run().catch((thrown: unknown) => thrown);
    expect((error as Error).message).to.match(
      /on another machine is grading into this folder; when it has ended, delete /,
    );
  });
});
