/**
 * Jupyter's wire protocol (5.3 to 5.5): one message to frames and back. Serves a client and a kernel alike.
 *
 *   frames = [...identities, "<IDS|MSG>", signature, header, parent, metadata, content, ...buffers]
 *   signature = hex(HMAC-SHA256(key, header ‖ parent ‖ metadata ‖ content)), empty when the key is
 *
 * Buffers travel unsigned, as the protocol has it.
 */

import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";

export type Json = Record<string, unknown>;

export interface Header {
  readonly msg_id: string;
  readonly msg_type: string;
  /** The sender's session: one id for as long as the sender lives. */
  readonly session: string;
  readonly username: string;
  /** ISO 8601. */
  readonly date: string;
  /** Protocol version. */
  readonly version: string;
}

export interface Message {
  /** ROUTER identities, or the topic of an iopub message. */
  readonly identities: readonly Uint8Array[];
  readonly header: Header;
  /** The header of the request that this message belongs to; `{}` where there is none. */
  readonly parent: Partial<Header>;
  readonly metadata: Json;
  readonly content: Json;
  readonly buffers: readonly Uint8Array[];
}

/** Frames that are no message: unsigned, wrongly signed, too few, or not JSON. */
export class WireError extends Error {}

const protocolVersion = "5.5";
const delimiter = Buffer.from("<IDS|MSG>");

/** A message with a fresh header. A reply passes its request's `identities` and, as `parent`, its header. */
export function createMessage(
  type: string,
  content: Json,
  options: { session: string } & Partial<Pick<Message, "identities" | "parent" | "metadata" | "buffers">>,
): Message {
  const { session, identities = [], parent = {}, metadata = {}, buffers = [] } = options;
  const header: Header = {
    msg_id: randomUUID(),
    msg_type: type,
    session,
    username: "workbook",
    date: new Date().toISOString(),
    version: protocolVersion,
  };
  return { identities, header, parent, metadata, content, buffers };
}

/** The frames of a message, signed unless `key` is empty. */
export function encode(message: Message, key: string): Uint8Array[] {
  const { identities, header, parent, metadata, content, buffers } = message;
  const parts = [header, parent, metadata, content].map((part) => Buffer.from(JSON.stringify(part)));
  return [...identities, delimiter, Buffer.from(sign(parts, key)), ...parts, ...buffers];
}

/** The message in some frames. @throws WireError, before anything is parsed, where the signature is wrong. */
export function decode(frames: readonly Uint8Array[], key: string): Message {
  const at = frames.findIndex((frame) => delimiter.equals(frame));
  if (at < 0) throw new WireError("expected the frame <IDS|MSG>, got none");
  const [signature, ...rest] = frames.slice(at + 1);
  const parts = rest.slice(0, 4);
  if (signature === undefined || parts.length < 4) {
    throw new WireError(
      `expected a signature and 4 parts after <IDS|MSG>, got ${frames.length - at - 1} frames`,
    );
  }
  const expected = Buffer.from(sign(parts, key));
  if (key !== "" && (signature.length !== expected.length || !timingSafeEqual(signature, expected))) {
    throw new WireError("wrong signature");
  }
  const [header, parent, metadata, content] = parts.map(parse);
  return {
    identities: frames.slice(0, at),
    header: header as unknown as Header,
    parent: parent!,
    metadata: metadata!,
    content: content!,
    buffers: rest.slice(4),
  };
}

function sign(parts: readonly Uint8Array[], key: string): string {
  if (key === "") return "";
  const hmac = createHmac("sha256", key);
  for (const part of parts) hmac.update(part);
  return hmac.digest("hex");
}

function parse(part: Uint8Array): Json {
  try {
    const value: unknown = JSON.parse(Buffer.from(part).toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  } catch {
    // Falls through to the one message for everything that is no JSON object.
  }
  throw new WireError(`expected a JSON object, got ${Buffer.from(part).toString("utf8").slice(0, 40)}`);
}
