/** Findings in words, each a sentence without its full stop. */

import { position } from "../../assert-close.js";
import { formatShape } from "../../shapes.js";
import { declarations } from "./declarations.js";
import { guardedLength } from "./guards.js";
import type { Findings, Job } from "./job.js";

/** What is wrong, gravest first; empty when nothing was seen. */
export function wordFindings(
  findings: Findings,
  { wgsl, inputs, output }: Job,
  shape: readonly number[],
): string[] {
  const { wroteOutside, readOutside, unwritten, differs } = findings;
  const at = (index: number) => formatShape(position(index, shape));
  const name = declarations(wgsl).find(({ binding }) => binding === inputs.length)?.name ?? "its output";
  const sentences: string[] = [];
  if (wroteOutside !== undefined) {
    const farther = wroteOutside === guardedLength(output) - 1 ? " or one farther out" : "";
    sentences.push(
      `it writes outside of ${name}: number ${wroteOutside}${farther}, where ${output - 1} is the last (is every index held against its size?)`,
    );
  }
  if (readOutside !== undefined) {
    sentences.push(
      `it reads outside of a buffer: the result at ${at(readOutside)} changes with what lies behind the buffers' ends (is every index held against its size?)`,
    );
  }
  if (differs !== undefined) {
    sentences.push(
      `two runs on the same inputs differ, first at ${at(differs)}: invocations get in each other's way (is a workgroupBarrier() missing?), or it reads ${name} before writing it`,
    );
  }
  if (unwritten !== undefined) sentences.push(`it never writes ${at(unwritten)} of ${name}, which holds NaN`);
  return sentences;
}

/** What could not be seen, in one sentence; undefined where every buffer's end was watched. */
export function wordUnwatched({ unwatched }: Findings, { wgsl, inputs }: Job): string | undefined {
  if (unwatched.length === 0) return undefined;
  const known = declarations(wgsl);
  const used = unwatched.filter(
    (binding) => known.some((one) => one.binding === binding) || binding === inputs.length,
  );
  if (used.length === 0) return undefined;
  const names = used.map(
    (binding) => known.find((one) => one.binding === binding)?.name ?? `binding ${binding}`,
  );
  return `accesses outside of ${names.join(", ")} cannot be seen here: only arrays of open length (array<f32>) whose arrayLength nobody asks for are watched`;
}
