/** What a worker does with one submission: reads it, judges it behind the walls, and says how long that took. */

import { useBackend } from "../../backend.js";
import { judgeSubmission } from "../judge-submission.js";
import { loadGraded, unknownSlug } from "../lessons.js";
import { LoadError } from "../load.js";
import { readSubmission } from "../submissions/read.js";
import { isRefusal } from "../submissions/submission.js";
import { type Judgement, type Task, ungraded } from "./outcome.js";
import { BrokenGrader, type Services } from "./protocol.js";

/** @throws BrokenGrader when the lesson's tests do not load. */
export async function judgeTask(task: Task, { alive, diagnose }: Services): Promise<Judgement> {
  const start = performance.now();
  const seconds: Record<string, number> = {};
  const finish = (result: Pick<Judgement, "report" | "reason">): Judgement => ({
    ...result,
    seconds,
    total: (performance.now() - start) / 1000,
  });
  const { path, slug, seed, timeout } = task;
  const submission = await readSubmission(path, slug === undefined ? {} : { slug });
  if (isRefusal(submission)) {
    const { reason, message } = submission;
    return finish(ungraded({ ...task, slug: slug ?? "" }, reason, message));
  }
  const unknown = unknownSlug(submission.slug);
  if (unknown !== undefined) return finish(ungraded({ ...task, slug: "" }, "unknown exercise", unknown));
  const graded = await load(submission.slug);
  await useBackend(graded.backend);
  const report = await judgeSubmission(graded, submission, {
    seed,
    diagnose,
    ...(timeout === undefined ? {} : { limits: { seconds: timeout } }),
    onTime: (exercise, milliseconds) => {
      seconds[exercise] = (seconds[exercise] ?? 0) + milliseconds / 1000;
      alive();
    },
  });
  return finish({ report, reason: report.state === "graded" ? "" : (report.refusal ?? "stopped") });
}

async function load(slug: string) {
  try {
    return await loadGraded(slug);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    throw new BrokenGrader(error.message);
  }
}
