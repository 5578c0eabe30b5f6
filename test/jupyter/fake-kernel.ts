/**
 * A kernel whose cells are scripts of what a kernel can do to its client, one act a line: `print hello`, `hang`, `die 3`.
 * Started as `node fake-kernel.js CONNECTION_FILE [silent | refuse WORDS | busy-once FILE | deaf FILE]`.
 */

import { spawn } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { Publisher, Router } from "zeromq";
import { type Channel, type ConnectionInfo, endpoint } from "../../lib/jupyter/connection.js";
import { createMessage, decode, encode, type Json, type Message } from "../../lib/jupyter/wire.js";

const [connectionFile = "", manner = "", mannerArgument = ""] = process.argv.slice(2);
const connection: ConnectionInfo = JSON.parse(readFileSync(connectionFile, "utf8"));
const connectionMode = statSync(connectionFile).mode & 0o777;
const session = "fake";
const iopub = new Publisher({ linger: 100, sendHighWaterMark: 0 });
const routers = {
  shell: new Router({ linger: 100 }),
  control: new Router(),
  stdin: new Router({ mandatory: true }),
};

let executionCount = 0;
/** What the next request publishes first, under the request that planned it. */
let late: (() => Promise<void>)[] = [];
let requestsToAbort = 0;

/** Hears of the interrupt, also of one that comes before anybody listens. */
let onInterrupt: ((how: string) => void) | undefined;
let interruptedBy: string | undefined;
function interrupt(how: string): void {
  if (onInterrupt === undefined) interruptedBy = how;
  else onInterrupt(how);
  onInterrupt = undefined;
}
function interrupted(): Promise<string> {
  const how = interruptedBy;
  interruptedBy = undefined;
  if (how !== undefined) return Promise.resolve(how);
  return new Promise((resolve) => {
    onInterrupt = resolve;
  });
}

/** Sends in order: a socket takes one `send` at a time. */
let sending: Promise<void> = Promise.resolve();
function enqueue(socket: Publisher | Router, message: Message, key = connection.key): Promise<void> {
  sending = sending.then(() => socket.send(encode(message, key)));
  return sending;
}

function publish(request: Message, type: string, content: Json): Promise<void> {
  return enqueue(iopub, createMessage(type, content, { session, parent: request.header }));
}

function reply(
  request: Message,
  content: Json,
  options: { channel?: "shell" | "control" | "stdin"; type?: string; key?: string } = {},
) {
  const { channel = "shell", type = request.header.msg_type.replace("request", "reply"), key } = options;
  const { identities, header: parent } = request;
  return enqueue(routers[channel], createMessage(type, content, { session, identities, parent }), key);
}

interface Outcome {
  content: Json;
  idle: boolean;
  key?: string;
  afterwards?: () => void;
}

async function act(request: Message, line: string, outcome: Outcome): Promise<void> {
  const [verb = "", first = "", ...others] = line.split(" ");
  const rest = others.join(" ");
  const words = line.slice(verb.length + 1);
  const stream = (name: string, text: string) => publish(request, "stream", { name, text });
  const display = (type: string) =>
    publish(request, type, { data: { "text/plain": rest }, metadata: {}, transient: { display_id: first } });
  const error = {
    ename: first,
    evalue: rest,
    traceback: [`\u001B[31m${first}\u001B[39m: ${rest}`, "  at line 1"],
  };
  switch (verb) {
    case "":
      return;
    case "print":
      return stream("stdout", `${words}\n`);
    case "warn":
      return stream("stderr", `${words}\n`);
    case "count":
      for (let i = 1; i <= Number(first); i++) await stream("stdout", `${i}\n`);
      return;
    case "pid-to":
      return writeFileSync(first, String(process.pid));
    case "child-pid-to":
      return writeFileSync(first, String(spawn("sleep", ["60"], { stdio: "ignore" }).pid));
    case "request":
      return stream("stdout", JSON.stringify(request));
    case "connection":
      return stream("stdout", `${connectionMode.toString(8)} ${connectionFile}`);
    case "where":
      return stream("stdout", `${process.cwd()} ${process.env.WORKBOOK_BACKEND}\n`);
    case "result":
      return publish(request, "execute_result", {
        data: { "text/plain": words },
        metadata: {},
        execution_count: executionCount,
      });
    case "display":
      return display("display_data");
    case "update":
      return display("update_display_data");
    case "clear":
      return publish(request, "clear_output", { wait: first === "wait" });
    case "raise":
      outcome.content = { ...error, status: "error" };
      return publish(request, "error", error);
    case "lie": // an error is shown, yet the reply is ok
      return publish(request, "error", error);
    case "mumble": // tslab's way: stderr and a bare status
      outcome.content = { status: "error" };
      return stream("stderr", `\u001B[33m${words}\u001B[39m\n`);
    case "abort-next":
      requestsToAbort = Number(first);
      return;
    case "status":
      outcome.content = { status: first };
      return;
    case "late":
      late.push(() => act(request, words, outcome));
      return;
    case "no-idle":
      outcome.idle = false;
      return;
    case "forge":
      outcome.key = "somebody else's key";
      return;
    case "ask":
      return ask(request, words);
    case "hang":
      if (first === "hard") return new Promise(() => {});
      outcome.content = { status: "error", ename: "Interrupted", evalue: "by the client", traceback: [] };
      return stream("stdout", `interrupted by ${await interrupted()}\n`);
    case "die":
      process.stderr.write(`${rest}\n`, () => process.exit(Number(first)));
      return new Promise(() => {});
    case "die-after-reply":
      outcome.idle = false;
      outcome.afterwards = () => process.exit(5);
      return;
    case "kill":
      process.kill(process.pid, first);
      return new Promise(() => {});
    default:
      throw new Error(`fake kernel: no act "${line}"`);
  }
}

/** The client's stdin may connect later than its shell. */
async function ask(request: Message, prompt: string): Promise<void> {
  try {
    await reply(request, { prompt, password: false }, { channel: "stdin", type: "input_request" });
  } catch {
    sending = sleep(5);
    return ask(request, prompt);
  }
  return new Promise(() => {});
}

async function execute(request: Message): Promise<void> {
  await publish(request, "status", { execution_state: "busy" });
  const planned = late;
  late = [];
  for (const publishLate of planned) await publishLate();
  const outcome: Outcome = { content: { status: "ok" }, idle: true };
  if (requestsToAbort > 0) {
    requestsToAbort--;
    outcome.content = { status: "abort" };
  } else {
    executionCount++;
    await publish(request, "execute_input", { code: request.content.code, execution_count: executionCount });
    for (const line of String(request.content.code).split("\n")) await act(request, line, outcome);
  }
  await reply(request, { execution_count: executionCount, ...outcome.content }, { key: outcome.key });
  if (outcome.idle) await publish(request, "status", { execution_state: "idle" });
  outcome.afterwards?.();
}

async function handle(channel: "shell" | "control", frames: Uint8Array[]): Promise<void> {
  const request = decode(frames, connection.key);
  switch (request.header.msg_type) {
    case "execute_request":
      return execute(request);
    case "interrupt_request":
      interrupt("message");
      return reply(request, { status: "ok" }, { channel });
    case "shutdown_request":
      if (manner === "deaf") return;
      await reply(request, { status: "ok", restart: false }, { channel });
      return process.exit(0);
    case "kernel_info_request":
      await publish(request, "status", { execution_state: "busy" });
      await reply(request, { status: "ok", language_info: { name: "fake" } }, { channel });
      await publish(request, "status", { execution_state: "idle" });
  }
}

async function serve(channel: "shell" | "control"): Promise<void> {
  // One after the other, as kernels do; a request that hangs must not hold up the other channel.
  for await (const frames of routers[channel]) await handle(channel, frames);
}

async function main(): Promise<void> {
  process.on("SIGINT", () => interrupt("signal"));
  if (manner === "deaf") {
    process.on("SIGTERM", () => {
      writeFileSync(mannerArgument, "");
      process.exit(0);
    });
  }
  if (manner === "refuse") {
    process.stderr.write(`${mannerArgument}\n`, () => process.exit(4));
    return;
  }
  if (manner === "busy-once" && !existsSync(mannerArgument)) {
    writeFileSync(mannerArgument, "");
    process.stderr.write("Error: bind EADDRINUSE\n", () => setInterval(() => {}, 1000));
    return;
  }
  if (manner === "silent") {
    setInterval(() => {}, 1000);
    return;
  }
  const sockets: [Channel, Publisher | Router][] = [
    ["iopub", iopub],
    ...(Object.entries(routers) as [Channel, Router][]),
  ];
  await Promise.all(sockets.map(([channel, socket]) => socket.bind(endpoint(connection, channel))));
  await Promise.all([serve("shell"), serve("control")]);
}

void main();
