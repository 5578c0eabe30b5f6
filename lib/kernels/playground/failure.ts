/** Why a kernel gave no result; crosses between processes as plain data. */

import type { CompilerMessage } from "./job.js";

export interface Failure {
  readonly reason: /** There is neither a GPU nor software in place of one. */
    | "no gpu"
    /** The WGSL is wrong. */
    | "compile"
    /** WGSL and arguments do not fit each other, or not the device. */
    | "launch"
    /** It took too long, and was ended. */
    | "slow"
    /** The device is gone. */
    | "lost"
    /** The process ended by itself. */
    | "crash";
  /** One sentence. */
  readonly message: string;
  readonly messages?: readonly CompilerMessage[];
}

/** The same as an error. */
export class KernelError extends Error {
  override readonly name = "KernelError";
  readonly reason: Failure["reason"];
  readonly messages: readonly CompilerMessage[];

  constructor({ reason, message, messages = [] }: Failure) {
    super(message);
    this.reason = reason;
    this.messages = messages;
  }

  toFailure(): Failure {
    const { reason, message, messages } = this;
    return { reason, message, messages };
  }
}
