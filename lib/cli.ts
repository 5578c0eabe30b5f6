/** The command `workbook`: finds the subcommand, turns errors into one line, and sets the exit code. */

import process from "node:process";
import { handout } from "./grading/handout.js";

/** A subcommand. `main` returns the exit code: 0 all well, 1 something failed, 2 misused. */
export interface Command {
  readonly summary: string;
  readonly usage: string;
  main(args: string[]): Promise<number>;
}

/** Thrown for a misused command: printed as one line, exit code 2. */
export class UsageError extends Error {}

/** Each subcommand, loaded when it is asked for: none pays for another's imports. */
export const commands: Readonly<Record<string, () => Promise<{ command: Command }>>> = {
  doctor: () => import("./commands/doctor.js"),
  catalog: () => import("./commands/catalog.js"),
  run: () => import("./commands/run.js"),
  reset: () => import("./commands/reset.js"),
  release: () => import("./commands/release.js"),
  prove: () => import("./commands/prove.js"),
  grade: () => import("./commands/grade.js"),
  bench: () => import("./commands/bench.js"),
};

/** Commands for whoever has the solutions and the graded tests. */
const forInstructors = new Set(["release", "prove", "grade"]);

/** Runs `workbook NAME ...ARGS` and returns the exit code. */
export async function cli([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    process.stdout.write(`${await overview()}\n`);
    return name === undefined ? 2 : 0;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) {
    process.stderr.write(
      `workbook: no command "${name}"; expected one of ${Object.keys(commands).join(", ")}\n`,
    );
    return 2;
  }
  if (forInstructors.has(name) && handout() !== undefined) {
    process.stderr.write(
      `workbook ${name}: this is a hand-out; solutions and graded tests are with your instructor, and so is this command\n`,
    );
    return 2;
  }
  const { command } = await load();
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(`${command.summary}\n\nusage: ${command.usage}\n`);
    return 0;
  }
  try {
    return await command.main(args);
  } catch (error) {
    const misuse = error instanceof UsageError || isParseArgsError(error);
    if (!misuse) throw error;
    const message = error.message.replace(/\.$/, "");
    process.stderr.write(`workbook ${name}: ${message} (npx workbook ${name} --help shows its options)\n`);
    return 2;
  }
}

async function overview(): Promise<string> {
  const rows = await Promise.all(
    Object.entries(commands).map(
      async ([name, load]) => `  ${name.padEnd(9)} ${(await load()).command.summary}`,
    ),
  );
  return ["usage: npx workbook COMMAND [--help]", "", ...rows].join("\n");
}

/** `util.parseArgs` marks its errors with these codes. */
function isParseArgsError(error: unknown): error is Error {
  const code = (error as { code?: unknown } | null)?.code;
  return error instanceof Error && typeof code === "string" && code.startsWith("ERR_PARSE_ARGS");
}
