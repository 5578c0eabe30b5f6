/** A client for tests of a kernel: speaks the protocol as its specification has it, and keeps everything it hears. */

import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Channels, type ClientChannel } from "../../../lib/jupyter/channels.js";
import { type ConnectionInfo, newConnection } from "../../../lib/jupyter/connection.js";
import { createMessage, type Json, type Message } from "../../../lib/jupyter/wire.js";

export const fakeMain = fileURLToPath(new URL("./protocol-fake-main.js", import.meta.url));

export interface Heard {
  readonly channel: ClientChannel;
  readonly message: Message;
}

interface StartOptions {
  readonly script: string;
  readonly env: NodeJS.ProcessEnv;
  readonly flags: readonly string[];
  readonly cwd: string;
  readonly key: string;
  /** As of another kernel that is gone. */
  readonly connection: ConnectionInfo | undefined;
  /** The connection file; one of its own unless given. */
  readonly file: string | undefined;
  /** A command that starts the one behind it. */
  readonly wrapper: readonly string[];
}

const patienceMs = 10_000;

export class TestClient {
  readonly connection: ConnectionInfo;
  readonly process: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly heard: Heard[] = [];
  readonly session = randomUUID();
  /** What the process itself printed. */
  printed = "";
  readonly #channels: Channels;
  /** Its connection file. */
  readonly file: string;
  readonly #folder: string;
  #wake = () => {};

  private constructor(
    connection: ConnectionInfo,
    script: string,
    { env, flags, cwd, file, wrapper }: Omit<StartOptions, "connection" | "script" | "key">,
  ) {
    this.connection = connection;
    this.#folder = mkdtempSync(path.join(os.tmpdir(), "protocol-"));
    this.file = file ?? path.join(this.#folder, "connection.json");
    writeFileSync(this.file, JSON.stringify(connection));
    const node = [process.execPath, "--no-force-async-hooks-checks", ...flags, script, this.file];
    const [program, ...args] = [...wrapper, ...node];
    this.process = spawn(program!, args, {
      // A kernel that this process leaves behind ends by itself.
      env: { ...process.env, JPY_PARENT_PID: String(process.pid), ...env },
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.process.stdout!, this.process.stderr!]) {
      stream.on("data", (data) => {
        this.printed += data;
      });
    }
    this.exited = new Promise((resolve) => {
      this.process.once("exit", (code) => resolve(code));
    });
    this.#channels = new Channels(connection, (channel, message) => {
      this.heard.push({ channel, message });
      this.#wake();
    });
  }

  /** Starts a kernel, on new ports unless given a connection, and waits until it greets on iopub. */
  static async start({
    script = fakeMain,
    env = {},
    flags = [],
    cwd = process.cwd(),
    key = randomUUID(),
    connection,
    file,
    wrapper = [],
  }: Partial<StartOptions> = {}): Promise<TestClient> {
    const where = connection ?? { ...(await newConnection()), key };
    const client = new TestClient(where, script, { env, flags, cwd, file, wrapper });
    await client.until((heard) => heard.some(({ message }) => message.header.msg_type === "iopub_welcome"));
    return client;
  }

  /** Sends a request and returns its id. */
  async send(
    type: string,
    content: Json = {},
    {
      channel = "shell" as Exclude<ClientChannel, "iopub">,
      ...rest
    }: Partial<Message> & { channel?: "shell" | "control" | "stdin" } = {},
  ): Promise<string> {
    const message = createMessage(type, content, { session: this.session, ...rest });
    await this.#channels.send(channel, message);
    return message.header.msg_id;
  }

  /** Sends a request, and waits for its reply and its idle. */
  async ask(type: string, content: Json = {}, channel: "shell" | "control" = "shell"): Promise<Json> {
    const id = await this.send(type, content, { channel });
    await this.idle(id);
    return this.reply(id);
  }

  async execute(code: string, content: Json = {}): Promise<Execution> {
    const id = await this.send("execute_request", { code, ...content });
    await this.idle(id);
    return { id, reply: await this.reply(id), outputs: this.outputs(id) };
  }

  async reply(id: string): Promise<Json> {
    await this.until(() => this.replies(id).length > 0);
    return this.replies(id)[0]!.message.content;
  }

  idle(id: string): Promise<void> {
    return this.until(() => this.states(id).includes("idle"));
  }

  replies(id: string): Heard[] {
    return this.heard.filter(({ channel, message }) => channel !== "iopub" && message.parent.msg_id === id);
  }

  iopub(id: string): Message[] {
    return this.heard
      .filter(({ channel, message }) => channel === "iopub" && message.parent.msg_id === id)
      .map(({ message }) => message);
  }

  states(id: string): unknown[] {
    return this.iopub(id)
      .filter(({ header }) => header.msg_type === "status")
      .map(({ content }) => content.execution_state);
  }

  /** What a request has shown: type and content, without its statuses and its echoed input. */
  outputs(id: string): [string, Json][] {
    return this.iopub(id)
      .filter(({ header }) => !["status", "execute_input"].includes(header.msg_type))
      .map(({ header, content }) => [header.msg_type, content]);
  }

  /** Everything printed by a request to one stream. */
  text(id: string, name = "stdout"): string {
    return this.outputs(id)
      .filter(([type, content]) => type === "stream" && content.name === name)
      .map(([, content]) => content.text)
      .join("");
  }

  /** Waits until what was heard satisfies `condition`. @throws after ten seconds. */
  async until(condition: (heard: readonly Heard[]) => boolean): Promise<void> {
    const deadline = Date.now() + patienceMs;
    while (!condition(this.heard)) {
      const left = deadline - Date.now();
      if (left <= 0)
        throw new Error(`not heard in time; last: ${JSON.stringify(this.heard.slice(-3))} ${this.printed}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async close(): Promise<void> {
    this.process.kill("SIGKILL");
    await this.exited;
    this.#channels.close();
    rmSync(this.#folder, { recursive: true });
  }
}

export interface Execution {
  readonly id: string;
  readonly reply: Json;
  readonly outputs: readonly [string, Json][];
}
