import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { useBackend } from "workbook/backend";
import { judgeTask } from "workbook/grading/batch/judge-task";
import type { Task } from "workbook/grading/batch/outcome";
import { exerciseFiles } from "workbook/grading/lessons";
import { TypeChecker } from "workbook/grading/submissions/types";
import { root } from "workbook/root";
import { useBackendOrSkip } from "../../backends.js";

describe("what a worker does with a submission", function () {
  this.timeout(120_000);
  const folder = mkdtempSync(path.join(tmpdir(), "workbook-task-"));
  const checker = new TypeChecker();
  after(async () => {
    rmSync(folder, { recursive: true });
    await checker.close();
    await useBackend();
  });

  const judged = async (slug: string) => {
    const file = path.join(folder, `${slug}.ts`);
    writeFileSync(file, readFileSync(path.join(root, exerciseFiles(slug).solution), "utf8"));
    const task: Task = { student: "ann", path: file, slug, submitted: "", seed: "1/ann" };
    let signs = 0;
    const { report } = await judgeTask(task, {
      alive: () => signs++,
      diagnose: checker.diagnose,
    });
    return { report, signs };
  };

  describe("where TensorFlow's library loads", () => {
    before(async function () {
      await useBackendOrSkip(this, "tensorflow");
    });

    it("judges a small lesson on the backend that it names, and the next one on the fastest", async () => {
      const { report } = await judged("start-here");
      expect(report).to.include({ state: "graded", score: 5 });
      expect(tf.getBackend()).to.equal("cpu");
      await judged("transformer");
      expect(tf.getBackend()).to.equal("tensorflow");
    });
  });

  it("gives a sign of life after each test", async () => {
    const { report, signs } = await judged("start-here");
    expect(signs).to.equal(report.exercises.flatMap(({ tests }) => tests).length);
  });
});
