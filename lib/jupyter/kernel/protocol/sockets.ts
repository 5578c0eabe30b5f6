/**
 * A kernel's five sockets: bound as the connection file says, everything received checked, everything sent in order.
 *
 * What is malformed, wrongly signed or signed twice is dropped without a word: nobody who holds the key sent it.
 */

import { Reply, Router, XPublisher } from "zeromq";
import { type ConnectionInfo, endpoint } from "../../connection.js";
import {
  createMessage,
  decode,
  encode,
  type Header,
  type Json,
  type Message,
  WireError,
} from "../../wire.js";
import { Outbox } from "./outbox.js";

export type RequestChannel = "shell" | "control" | "stdin";

/** Messages that may wait for one client: few, so that what it sees is what happens now, and 16 of 50 MB can be borne. */
const iopubHighWaterMark = 16;
const rememberedSignatures = 65_536;
/** zeromq's own thread needs a moment to put the last messages on the wire. */
const farewellMs = 100;

export class KernelSockets {
  readonly #connection: ConnectionInfo;
  readonly #session: string;
  readonly #onMessage: (channel: RequestChannel, message: Message) => void;
  readonly #heartbeat = new Reply({ linger: 0 });
  readonly #routers: Record<RequestChannel, Router>;
  readonly #iopub: XPublisher;
  readonly #outboxes: Record<RequestChannel | "iopub", Outbox>;
  readonly #signatures = new Set<string>();
  #dropping = true;

  constructor(
    connection: ConnectionInfo,
    session: string,
    onMessage: (channel: RequestChannel, message: Message) => void,
  ) {
    this.#connection = connection;
    this.#session = session;
    this.#onMessage = onMessage;
    const router = () => new Router({ linger: farewellMs, sendHighWaterMark: 0, receiveHighWaterMark: 0 });
    this.#routers = { shell: router(), control: router(), stdin: router() };
    this.#iopub = new XPublisher({
      linger: farewellMs,
      sendHighWaterMark: iopubHighWaterMark,
      // Every client is welcomed, also one that subscribes to what another has subscribed to already.
      verbosity: "allSubs",
    });
    this.#mayDrop(false);
    this.#outboxes = {
      shell: new Outbox(this.#routers.shell),
      control: new Outbox(this.#routers.control),
      stdin: new Outbox(this.#routers.stdin),
      iopub: new Outbox(this.#iopub, () => this.#mayDrop(true)),
    };
  }

  /** Binds every channel and begins to listen. @throws where a port is in use. */
  async open(): Promise<void> {
    const { shell, control, stdin } = this.#routers;
    const sockets = { shell, control, stdin, iopub: this.#iopub, hb: this.#heartbeat };
    await Promise.all(
      Object.entries(sockets).map(([channel, socket]) =>
        socket.bind(endpoint(this.#connection, channel as keyof typeof sockets)),
      ),
    );
    void this.#echo();
    void this.#welcome();
    for (const channel of ["shell", "control", "stdin"] as const) void this.#receive(channel);
  }

  /** Tells every client; `parent` is the header of the request that this belongs to. */
  publish(
    type: string,
    content: Json,
    parent: Partial<Header>,
    extra: { metadata?: Json; buffers?: readonly Uint8Array[]; topic?: Uint8Array } = {},
  ): Promise<void> {
    const { topic = Buffer.from(type), ...rest } = extra;
    const message = createMessage(type, content, {
      session: this.#session,
      identities: [topic],
      parent,
      ...rest,
    });
    return this.#outboxes.iopub.send(encode(message, this.#connection.key));
  }

  /** Tells the client that sent `request`, on any of the request channels. */
  send(channel: RequestChannel, request: Message, type: string, content: Json): Promise<void> {
    const { identities, header: parent } = request;
    const message = createMessage(type, content, { session: this.#session, identities, parent });
    return this.#outboxes[channel].send(encode(message, this.#connection.key));
  }

  /** Sends what is still to be sent, as far as the clients take it at once. */
  async close(): Promise<void> {
    const sent = Promise.all(Object.values(this.#outboxes).map((outbox) => outbox.empty));
    await Promise.race([sent, wait(farewellMs)]);
    for (const socket of [...Object.values(this.#routers), this.#iopub, this.#heartbeat]) socket.close();
    await wait(farewellMs);
  }

  /**
   * Where nothing may be dropped, a message waits until every client has room for it: a slow client slows the cell
   * down instead of losing output. One that does not read at all loses messages in the end.
   */
  #mayDrop(dropping: boolean): void {
    if (this.#dropping === dropping || this.#iopub.closed) return;
    this.#dropping = dropping;
    this.#iopub.noDrop = !dropping;
  }

  async #echo(): Promise<void> {
    for await (const frames of this.#heartbeat) await this.#heartbeat.send(frames);
  }

  /** Greets whoever subscribes, so that a client knows from when on it hears everything (JEP 65). */
  async #welcome(): Promise<void> {
    for await (const [frame] of this.#iopub) {
      if (frame?.[0] !== 1) continue;
      const topic = frame.subarray(1);
      this.#mayDrop(false);
      void this.publish("iopub_welcome", { subscription: topic.toString() }, {}, { topic });
    }
  }

  async #receive(channel: RequestChannel): Promise<void> {
    for await (const frames of this.#routers[channel]) {
      const message = this.#read(frames);
      if (message !== undefined) this.#onMessage(channel, message);
    }
  }

  #read(frames: Buffer[]): Message | undefined {
    try {
      const message = decode(frames, this.#connection.key);
      const { msg_id: id, msg_type: type } = message.header as Partial<Header>;
      if (typeof id !== "string" || typeof type !== "string") return undefined;
      return this.#isRepeated(frames, message) ? undefined : message;
    } catch (error) {
      if (error instanceof WireError) return undefined;
      throw error;
    }
  }

  /** A message that comes twice was recorded and played back. */
  #isRepeated(frames: readonly Buffer[], { identities }: Message): boolean {
    if (this.#connection.key === "") return false;
    const signature = frames[identities.length + 1]!.toString("latin1");
    if (this.#signatures.has(signature)) return true;
    this.#signatures.add(signature);
    if (this.#signatures.size > rememberedSignatures) {
      for (const oldest of this.#signatures) {
        this.#signatures.delete(oldest);
        break;
      }
    }
    return false;
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
