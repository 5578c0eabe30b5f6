/** A child that tells what it is about to do, and is ended when that takes too long. */

import type { ChildProcess } from "node:child_process";

/** What is kept of what a child says on stderr. */
const LAST_WORDS = 2000;

/** Why a child ended before it had done what it was asked for, in words. */
export class Ended extends Error {
  override readonly name = "Ended";
}

/** Where a child's messages come from: the child itself, or something that reads them off its stdout. */
export interface Messages<M> {
  on(event: "message", listener: (message: M) => void): unknown;
  off(event: "message", listener: (message: M) => void): unknown;
}

/**
 * Resolves with what `listen` returns for the message that is the last one; each message gives the child `seconds` again.
 *
 * @throws Ended when it is late, and is killed then, or ends before; and what `listen` throws.
 */
export async function converse<M, R>(
  child: ChildProcess,
  messages: Messages<M>,
  seconds: number,
  listen: (message: M) => R | undefined,
): Promise<R> {
  let words = "";
  let timer: NodeJS.Timeout | undefined;
  const over = new AbortController();
  const until = <F extends (...args: never[]) => void>(
    emitter: { on(event: string, listener: F): unknown; off(event: string, listener: F): unknown },
    event: string,
    listener: F,
  ) => {
    emitter.on(event, listener);
    over.signal.addEventListener("abort", () => emitter.off(event, listener));
  };
  try {
    return await new Promise<R>((resolve, reject) => {
      const late = () => {
        child.kill("SIGKILL");
        reject(new Ended(`took longer than ${seconds} s and was ended`));
      };
      const wait = () => {
        clearTimeout(timer);
        timer = setTimeout(late, seconds * 1000);
      };
      wait();
      if (child.stderr !== null) {
        until(child.stderr, "data", (chunk: Buffer) => {
          words = `${words}${chunk}`.slice(-LAST_WORDS);
        });
      }
      until(child, "error", (error: Error) => reject(new Ended(error.message)));
      // Not "exit": what it said last may still be on its way.
      until(child, "close", (code: number | null, signal: string | null) => {
        const last = words.trim().split("\n").at(-1) ?? "";
        const how = `its process ended (${signal ?? `exit code ${code}`})`;
        reject(new Ended(last === "" ? how : `${how}: ${last}`));
      });
      until(messages as never, "message", (message: M) => {
        wait();
        try {
          const result = listen(message);
          if (result !== undefined) resolve(result);
        } catch (error) {
          reject(error);
        }
      });
    });
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}
