/** One module of TypeScript as JavaScript for the process that answers, unless it imports what it may not. */

import type { SourceMapPayload } from "node:module";
import { stripVTControlCharacters } from "node:util";
import type { Message, TransformFailure, TransformOptions } from "esbuild";
import { within } from "../../jupyter/async.js";
import { positionAt } from "../../jupyter/kernel/session/positions.js";
import { columnOf, pictured, stackLocator } from "../places.js";
import { type ForbiddenImport, forbiddenImports } from "./imports.js";
import { parseModule, stackExhausted, tooDeep } from "./parse.js";
import { isRefusal, type Refusal, refusal, type Submission } from "./submission.js";

export interface CompiledSubmission {
  /** CommonJS; errors name it as `submission.js`. */
  readonly code: string;
  /** Where in what was handed in an error came from. */
  readonly locate: (error: unknown) => string | undefined;
}

/** How the compiled code is named in stacks. */
const compiledName = "submission.js";
const mostShown = 5;
const compileMs = 30_000;

/** @param policy `withheld`: modules that this exercise's answers may not import. */
export async function compileSubmission(
  submission: Submission,
  { withheld }: { readonly withheld: readonly string[] },
): Promise<CompiledSubmission | Refusal> {
  const { text, file } = submission;
  const tree = await parseModule(text);
  if ("problem" in tree) {
    const { problem, offset } = tree;
    const isPlaced = offset !== undefined;
    const message = isPlaced
      ? picture(submission, problem, positionAt(text, offset), 1)
      : `${file}: ${problem}`;
    return refusal("unparsable", message);
  }
  let forbidden: readonly ForbiddenImport[];
  try {
    forbidden = forbiddenImports(tree, withheld);
  } catch (error) {
    return stackExhausted(error, file);
  }
  if (forbidden.length > 0) {
    const point = ({ problem, start, end }: ForbiddenImport) =>
      picture(submission, problem, positionAt(text, start), end - start);
    return refusal("import", listed(forbidden, point));
  }
  const result = await transform(submission);
  if (isRefusal(result)) return result;
  const payload = JSON.parse(result.map) as SourceMapPayload;
  const locate = stackLocator(compiledName, payload, (_, line, column) => submission.locate(line, column));
  return { code: result.code, locate };
}

const options = {
  loader: "ts",
  format: "cjs",
  target: "node20",
  sourcemap: "external",
  sourcesContent: false,
  // Empty: the project's own configuration is not the submission's.
  tsconfigRaw: {},
  logLevel: "silent",
} as const satisfies TransformOptions;

async function transform(submission: Submission): Promise<{ code: string; map: string } | Refusal> {
  const esbuild = await import("esbuild");
  for (let attempt = 1; ; attempt++) {
    try {
      const result = await within(compileMs, esbuild.transform(submission.text, options));
      if (result !== undefined) return result;
    } catch (error) {
      const { errors } = error as Partial<TransformFailure>;
      const found = errors?.filter(({ location }) => location !== null) ?? [];
      if (found.length > 0) {
        return refusal(
          "unparsable",
          listed(found, (message) => explain(submission, message)),
        );
      }
    }
    // Its process died or hangs, on this text or on another one that was compiled beside it.
    await esbuild.stop();
    if (attempt === 2) return refusal("unparsable", `${submission.file}: ${tooDeep}`);
  }
}

function explain(submission: Submission, { text, location }: Message): string {
  const problem = text.startsWith("Top-level await")
    ? "await stands outside of a function, but answers are loaded without waiting"
    : text;
  return picture(
    submission,
    problem,
    { line: location!.line, column: columnOf(location!) },
    location!.length,
  );
}

/** The first few, since each picture costs a look at the whole text. */
function listed<T>(found: readonly T[], point: (one: T) => string): string {
  const more = found.length - mostShown;
  const rest = more > 0 ? [`and ${more} more of the kind`] : [];
  return [...found.slice(0, mostShown).map(point), ...rest].join("\n\n");
}

function picture(
  { text, locate, origin }: Submission,
  problem: string,
  { line, column }: { readonly line: number; readonly column: number },
  length: number,
): string {
  const from = origin?.(line, column) ?? { text, line, column };
  const lineText = from.text.split("\n")[from.line - 1] ?? "";
  const shown = pictured(problem, { ...from, at: locate(line, column), lineText, length });
  // What somebody wrote must not repaint the reader's terminal.
  return stripVTControlCharacters(shown);
}
