/** What cells may use beside their language and Node: the protocol provides it, the language service declares it. */

/** TypeScript's view of `KernelGlobals` in protocol/host.ts. */
export const globalDeclarations = `
/** Asks the reader for a line of text, in a field under the cell. Rejects where the client takes no input. */
declare function prompt(text?: string, options?: { readonly password?: boolean }): Promise<string>;
/** Removes what the cell has shown so far; with \`wait\`, when the next output comes. */
declare function clearOutput(options?: { readonly wait?: boolean }): void;
/** Shows a text in the client's pager. */
declare function page(text: string): void;
/** Channels to widgets in the client. */
declare const comm: {
  /** From now on a client may open comms of this name: the handler gets each. */
  registerTarget(name: string, handler: (comm: KernelComm, opened: KernelCommMessage) => unknown): void;
  unregisterTarget(name: string): void;
  /** Opens a comm towards the client. */
  open(target: string, data?: unknown, extra?: { metadata?: object; buffers?: readonly Uint8Array[] }): KernelComm;
};
interface KernelComm {
  readonly id: string;
  readonly target: string;
  send(data: unknown, extra?: { metadata?: object; buffers?: readonly Uint8Array[] }): void;
  close(data?: unknown): void;
  onMessage(handler: (message: KernelCommMessage) => unknown): void;
  onClose(handler: (message: KernelCommMessage) => unknown): void;
}
interface KernelCommMessage {
  readonly data: any;
  readonly metadata: unknown;
  readonly buffers: readonly Uint8Array[];
}
`;
