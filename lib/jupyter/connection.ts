/** How a client and a kernel find each other: the connection file, its ports and its endpoints. */

import { randomUUID } from "node:crypto";
import { createServer, type Server } from "node:net";

export type Channel = "shell" | "iopub" | "stdin" | "control" | "hb";

/** What a connection file holds. */
export interface ConnectionInfo {
  readonly transport: "tcp" | "ipc";
  /** A host for tcp; the beginning of a path for ipc. */
  readonly ip: string;
  readonly shell_port: number;
  readonly iopub_port: number;
  readonly stdin_port: number;
  readonly control_port: number;
  readonly hb_port: number;
  /** Key of the signatures; empty for none. */
  readonly key: string;
  readonly signature_scheme: "hmac-sha256";
}

/** ZeroMQ's address of a channel: `tcp://127.0.0.1:41234`, or `ipc:///tmp/kernel-1`. */
export function endpoint(connection: ConnectionInfo, channel: Channel): string {
  const { transport, ip } = connection;
  return `${transport}://${ip}${transport === "tcp" ? ":" : "-"}${connection[`${channel}_port`]}`;
}

// A port just released may be handed out again before the first kernel has bound it.
const handedOut = new Set<number>();

/** A connection over the loopback interface with five free ports and a random key. */
export async function newConnection(): Promise<ConnectionInfo> {
  const servers: Server[] = [];
  const ports: number[] = [];
  while (ports.length < 5) {
    const server = createServer();
    servers.push(server);
    const port = await listen(server);
    if (!handedOut.has(port)) ports.push(port);
  }
  // Closed only now, so that the system cannot give the same port twice.
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  for (const port of ports) handedOut.add(port);
  return {
    transport: "tcp",
    ip: "127.0.0.1",
    shell_port: ports[0]!,
    iopub_port: ports[1]!,
    stdin_port: ports[2]!,
    control_port: ports[3]!,
    hb_port: ports[4]!,
    key: randomUUID(),
    signature_scheme: "hmac-sha256",
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
}
