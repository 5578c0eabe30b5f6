// The C++ compiler.
import process from "node:process";
import { ask, StepError, which } from "../processes.mjs";

const candidates = ["g++", "c++", "clang++"];

/** The C++ compiler: $CXX, or the first that the PATH has. @throws StepError when there is none. */
export function findCompiler(env = process.env) {
  const named = env.CXX || undefined;
  for (const command of named ? [named] : candidates) {
    const program = which(command, env);
    const answer = program && ask(program, ["--version"], env);
    if (program && answer) return { program, version: answer.split("\n")[0] ?? "" };
  }
  throw new StepError(
    named
      ? `CXX names "${named}", which is no compiler that runs.`
      : `A C++ compiler is needed: none of ${candidates.join(", ")} is on the PATH.`,
    "install one (Debian and Ubuntu: `apt install g++`; Fedora: `dnf install gcc-c++`; macOS: `xcode-select --install`), or name one in CXX, then run `npm run setup` again.",
  );
}
