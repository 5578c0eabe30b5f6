/**
 * How a process ended that could say nothing itself: killed, or crashed in native code. Runs in the worker.
 *
 * A shell reads from a pipe what the kernel is doing. The pipe's end is the kernel's: then the shell looks into /proc for
 * the signal, before whoever started the kernel has asked for it, and leaves a note beside the connection file. The
 * kernel that is started again with that file shows it with its first cell. The shell is started when the kernel's user has
 * what they wait for, so nothing is slower for it; it takes 1 MB.
 */

import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import process from "node:process";
import { memoryKills, noteOf } from "./crash-file.js";

const over = "over";
/** Growth that is worth a word to the shell. */
const growth = 1.1;

/** $1: the kernel; $2: the note; $3: its connection file, which Jupyter removes when it wants no other kernel. */
const script = `
  trap '' INT
  state=
  while read -r line; do state=$line; done
  [ "$state" = ${over} ] && exit
  umask 077
  stat= tries=0
  while [ $tries -lt 50 ] && read -r found < "/proc/$1/stat"; do
    stat=$found
    case \${found##*) } in [ZX]*) break ;; esac
    tries=$((tries + 1))
    sleep 0.02
  done
  printf '%s\\n%s\\n' "$state" "$stat" > "$2.new" && mv "$2.new" "$2"
  sleep 2
  [ -e "$3" ] || rm -f "$2"
`;

export class CrashWatch {
  readonly #shell: ChildProcess | undefined;
  #cell = 0;
  #bytes = 0;
  #kills = 0;

  /** Where there is no shell, nothing will be told. */
  constructor(connectionFile: string) {
    if (process.platform === "win32") return;
    const file = path.resolve(connectionFile);
    // A group of its own: whoever kills the kernel's group must not kill the only witness.
    this.#shell = spawn("/bin/sh", ["-c", script, "sh", String(process.pid), noteOf(file), file], {
      ...{ detached: true, cwd: "/", env: { PATH: process.env.PATH } },
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#shell.on("error", () => {});
    this.#shell.stdin!.on("error", () => {});
    this.#shell.unref();
    this.#kills = memoryKills();
    this.#tell();
  }

  /** @param cell undefined when none runs any more. */
  running(cell: number | undefined): void {
    this.#cell = cell ?? 0;
    this.#tell();
  }

  /** @param bytes what the process holds in memory. */
  holds(bytes: number): void {
    if (bytes < growth * this.#bytes && bytes * growth > this.#bytes) return;
    this.#bytes = bytes;
    this.#kills = memoryKills();
    this.#tell();
  }

  /** The process is about to end, and its user knows. */
  over(): void {
    this.#shell?.stdin?.write(`${over}\n`);
  }

  #tell(): void {
    this.#shell?.stdin?.write(`${this.#cell} ${this.#bytes} ${this.#kills}\n`);
  }
}
