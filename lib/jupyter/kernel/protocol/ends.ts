/** The ways in which a cell may end its own process, told before they happen. Runs on the main thread. */

import { constants } from "node:os";
import process from "node:process";

/** Signals that end a process where it does not listen for them; SIGKILL always. */
const fatal = /^SIG(KILL|ABRT|SEGV|BUS|FPE|ILL|TERM|HUP|QUIT|TRAP|XCPU)$/;

/** @param tell gets a sentence without its full stop, and returns when it has been passed on. */
export function announceEnds(tell: (how: string) => void): void {
  process.on("exit", (code) => tell(`process.exit(${code}) was called`));
  const { abort, kill } = process;
  process.abort = () => {
    tell("process.abort() was called");
    return abort();
  };
  process.kill = (pid, signal) => {
    const name = nameOf(signal);
    const ends = fatal.test(name) && process.listenerCount(name) === 0;
    if (pid === process.pid && ends) tell(`it sent itself ${name}`);
    return kill.call(process, pid, signal);
  };
}

function nameOf(signal: string | number = "SIGTERM"): string {
  const names = Object.entries(constants.signals);
  return typeof signal === "string" ? signal : (names.find(([, number]) => number === signal)?.[0] ?? "");
}
