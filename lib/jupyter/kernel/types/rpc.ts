/**
 * JSON-RPC 2.0 with the headers of the Language Server Protocol, over a child process's standard streams.
 *
 * Nothing here waits for ever: a request that takes too long, or whose process dies, rejects.
 */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import process from "node:process";
import { within } from "../../async.js";

/** A killed process is gone by then, unless the system holds it. */
const goneMs = 2000;

/** The other side did not answer in time, or answered with an error. */
export class RpcError extends Error {}

/** The other side is gone. */
export class ProcessEnded extends RpcError {
  constructor() {
    super("the process ended");
  }
}

interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Processes that still run; killed when this one ends, however it ends. */
const running = new Set<ChildProcessWithoutNullStreams>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export interface RpcOptions {
  readonly cwd: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Answers what the other side asks; a method it does not know gets null. */
  readonly onRequest: (method: string, params: unknown) => unknown;
}

/** A process that speaks JSON-RPC. */
export class RpcProcess {
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>;
  alive = true;
  readonly pid: number | undefined;
  #child: ChildProcessWithoutNullStreams;
  #onRequest: RpcOptions["onRequest"];
  #pending = new Map<number, Pending>();
  #lastId = 0;
  #chunks: Buffer[] = [];
  #received = 0;
  /** Bytes that the message at the front needs, once its header has come. */
  #needed = 0;

  constructor(argv: readonly string[], { cwd, env, onRequest }: RpcOptions) {
    this.#onRequest = onRequest;
    this.#child = spawn(argv[0]!, argv.slice(1), {
      cwd,
      env: { ...process.env, ...env },
      stdio: "pipe",
      windowsHide: true,
    });
    this.pid = this.#child.pid;
    running.add(this.#child);
    this.exited = new Promise((resolve) => {
      const gone = () => {
        this.alive = false;
        running.delete(this.#child);
        for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(new ProcessEnded());
        resolve();
      };
      this.#child.once("exit", gone);
      this.#child.once("error", gone);
    });
    this.#child.stdin.on("error", () => {}); // A write to a process that just died; `exited` tells.
    this.#child.stderr.resume();
    this.#child.stdout.on("data", (chunk: Buffer) => this.#receive(chunk));
  }

  notify(method: string, params: unknown): void {
    this.#send({ method, params });
  }

  /** The answer. @throws RpcError after `timeoutMs`, when the process dies, and for an error reply. */
  request(method: string, params: unknown, timeoutMs: number): Promise<unknown> {
    if (!this.alive) return Promise.reject(new ProcessEnded());
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#settle(id)?.reject(new RpcError(`${method} took longer than ${timeoutMs} ms`));
        this.notify("$/cancelRequest", { id });
      }, timeoutMs);
      this.#pending.set(id, { resolve, reject, timer });
      this.#send({ id, method, params });
    });
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Kills it; resolves when it is gone, or does not die because the system holds it. */
  async end(): Promise<void> {
    this.kill();
    // Its timer also keeps Node from ending meanwhile, which a process that was let go does not.
    await within(goneMs, this.exited);
  }

  /** Lets Node end although the process still runs. */
  unref(): void {
    this.#child.unref();
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) {
      (stream as unknown as { unref?: () => void }).unref?.();
    }
  }

  #send(message: Message): void {
    if (!this.alive) return;
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    this.#child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    clearTimeout(pending?.timer);
    return pending;
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#received += chunk.length;
    while (this.#received > 0 && this.#received >= this.#needed) {
      const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      this.#chunks = [all];
      const headerEnd = all.indexOf("\r\n\r\n");
      if (headerEnd < 0) return;
      const length = Number(/content-length: *(\d+)/i.exec(all.toString("latin1", 0, headerEnd))?.[1] ?? 0);
      this.#needed = headerEnd + 4 + length;
      if (this.#received < this.#needed) return;
      const body = all.toString("utf8", headerEnd + 4, this.#needed);
      this.#chunks = [all.subarray(this.#needed)];
      this.#received -= this.#needed;
      this.#needed = 0;
      this.#dispatch(JSON.parse(body) as Message);
    }
  }

  #dispatch({ id, method, params, result, error }: Message): void {
    if (method !== undefined) {
      if (id !== undefined) this.#send({ id, result: this.#onRequest(method, params) ?? null });
      return;
    }
    const pending = this.#settle(Number(id));
    if (error === undefined) pending?.resolve(result);
    else pending?.reject(new RpcError(error.message));
  }
}
