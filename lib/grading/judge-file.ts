/** Judges a file: what cannot be loaded could not be graded, which is no zero. */

import type { Graded } from "./graded.js";
import { type JudgeOptions, judge } from "./judge.js";
import { LoadError, loadTypeScript } from "./load.js";
import type { Report } from "./report.js";
import { inProcess, type Subject } from "./subject.js";

/** @param file relative to the repository's root, or absolute. */
export async function judgeFile(graded: Graded, file: string, options: JudgeOptions): Promise<Report> {
  let subject: Subject;
  try {
    const { exports, locate } = await loadTypeScript(file);
    subject = inProcess(exports, locate);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    const { message } = error;
    const { slug } = graded;
    return {
      slug,
      state: "could not be graded",
      message,
      score: 0,
      maxScore: 0,
      exercises: [],
      seed: options.seed,
      file,
    };
  }
  return { ...(await judge(graded, subject, options)), file };
}
