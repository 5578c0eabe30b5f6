/** What the playground runs: plain data, copied to the process that owns the GPU, and back. */

export type Numbers = Float32Array | Int32Array | Uint32Array;

/** One WGSL kernel over numbers. */
export interface Job {
  /** Its entry point is `main`. Bindings of group 0, in order: inputs, the output, and where there are `sizes` their uniform struct. */
  readonly wgsl: string;
  readonly inputs: readonly Numbers[];
  /** How many float32 numbers it writes. */
  readonly output: number;
  /** Values of the `override` constants. */
  readonly constants?: Readonly<Record<string, number | boolean>>;
  /** The u32 numbers of the uniform struct, in its order. */
  readonly sizes?: readonly number[];
  readonly workgroups: Workgroups;
  /** False: nobody asks how long it takes, and it is not run more often for that. */
  readonly isTimed?: boolean;
}

/** Along x, y, z. */
export type Workgroups = readonly [x: number, y?: number, z?: number];

/** What the compiler said about one place of the WGSL. */
export interface CompilerMessage {
  readonly type: "error" | "warning" | "info";
  readonly text: string;
  /** Counted from 1; 0 where the message has no place. */
  readonly line: number;
  readonly column: number;
  /** Characters. */
  readonly width: number;
}

/** What running a kernel several times has shown; places are flat indices of the output. */
export interface Findings {
  /** First number that the kernel never wrote. */
  readonly unwritten?: number;
  /** First number that two runs on the same inputs gave differently: invocations raced. */
  readonly differs?: number;
  /** First place behind the output's end that was written; the last guard stands for every place farther out. */
  readonly wroteOutside?: number;
  /** First number that hangs on what lies behind the end of a buffer. */
  readonly readOutside?: number;
  /** Buffers whose ends could not be watched: arrays of fixed size, structs, and those that `arrayLength` is asked about. */
  readonly unwatched: readonly number[];
}

export interface Ran {
  readonly output: Float32Array;
  /** Median over the runs that were timed. */
  readonly milliseconds: number;
  /** By the GPU's own timestamps, or by the clock of the process, which counts submitting as well. */
  readonly clock: "timestamps" | "wall";
  readonly runs: number;
  /** Warnings and notes. */
  readonly messages: readonly CompilerMessage[];
  readonly findings: Findings;
  /** What it ran on: "swiftshader, software in place of a GPU". */
  readonly adapter: string;
}
