/** TypeScript's language server with the documents of one session; started again, with the same documents, when it dies. */

import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { within } from "../../async.js";
import { globalDeclarations } from "../globals.js";
import { cellConfig, documents, serverCommand, sessionSpecifier } from "./project.js";
import { ProcessEnded, RpcProcess } from "./rpc.js";

/** Position as the protocol counts: from 0, in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly character: number;
}

/** How long questions may take. */
export interface Patience {
  readonly answerMs: number;
  /** Of one whose asker would rather wait than have nothing, while the server reads its first files, say. */
  readonly longMs: number;
}

/** JupyterLab is told to wait 10 s for completions (lib/setup/jupyter/labconfig), and the kernel's protocol waits as long. */
const usualPatience: Patience = { answerMs: 5000, longMs: 9000 };
const startMs = 10_000;
const closeMs = 500;
// Go's collector by default runs whenever the heap has doubled. Every check makes a checker that lives until the next:
// a lazier collector halves the first check and takes the peaks off the others, up to this much memory.
const collectLess = { GOGC: "400", GOMEMLIMIT: "320MiB" };

type Name = "session" | "cell";

export class LanguageServer {
  /** Process id of the running server, for tests. */
  pid: number | undefined;
  #folder: { cwd: string; root: string };
  // With the import that every cell begins with: the server builds its program anew when imports change.
  #texts: Record<Name, string> = {
    session: "export {};\n",
    cell: `import {} from "${sessionSpecifier}";\n`,
  };
  #version = 1;
  #server: RpcProcess | undefined;
  #starting: Promise<RpcProcess> | undefined;
  #closed = false;
  readonly #patience: Patience;
  readonly #wrapper: readonly string[];

  /** @param wrapper a command that becomes the server's: one that sets limits, say. */
  constructor(
    folder: { cwd: string; root: string },
    patience = usualPatience,
    wrapper: readonly string[] = [],
  ) {
    this.#folder = folder;
    this.#patience = patience;
    this.#wrapper = wrapper;
  }

  /** The running server; starts it when there is none. */
  async start(): Promise<RpcProcess> {
    if (this.#closed) throw new Error("the language server is closed");
    if (this.#server?.alive) return this.#server;
    this.#starting ??= this.#launch().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  /** Replaces a document's text. */
  setText(name: Name, text: string): void {
    if (text === this.#texts[name]) return;
    this.#texts[name] = text;
    if (!this.#server?.alive) return;
    this.#server.notify("textDocument/didChange", {
      textDocument: { uri: this.#uri(documents[name]), version: ++this.#version },
      contentChanges: [{ text }],
    });
  }

  /** Tells of files that were written or removed outside. */
  filesChanged(files: readonly string[]): void {
    if (files.length === 0) return;
    // Change (2) covers new and removed files too: the server looks at the disk again.
    const changes = files.map((file) => ({ uri: pathToFileURL(file).href, type: 2 }));
    this.#server?.notify("workspace/didChangeWatchedFiles", { changes });
  }

  /** Asks about the cell's document; undefined when the server fails twice or takes too long. */
  ask(method: string, position?: Position): Promise<unknown> {
    return this.#ask(method, position && { position });
  }

  /** As `ask`, for a question that has been waiting since `asked` (`performance.now()`). */
  askPatiently(method: string, position: Position, asked: number): Promise<unknown> {
    const { answerMs, longMs } = this.#patience;
    return this.#ask(method, { position }, Math.max(answerMs, asked + longMs - performance.now()));
  }

  /** Asks about the first `lines` lines of the cell's document. */
  askRange(method: string, lines: number): Promise<unknown> {
    return this.#ask(method, {
      range: { start: { line: 0, character: 0 }, end: { line: lines, character: 0 } },
    });
  }

  async #ask(method: string, about?: object, ms = this.#patience.answerMs): Promise<unknown> {
    const textDocument = { uri: this.#uri(documents.cell) };
    const params = { textDocument, ...about };
    for (let attempt = 1; attempt <= 2; attempt++) {
      try {
        const server = await this.start();
        return await server.request(`textDocument/${method}`, params, ms);
      } catch (error) {
        // A server that died is worth a new one; one that answers with an error or late will do so again.
        if (!(error instanceof ProcessEnded)) return undefined;
      }
    }
    return undefined;
  }

  /** Ends the server; resolves when it is gone, or so stuck in the system that it does not die. */
  async close(): Promise<void> {
    this.#closed = true;
    const server = (await this.#starting?.catch(() => undefined)) ?? this.#server;
    if (server === undefined) return;
    await within(
      closeMs,
      server.request("shutdown", undefined, closeMs).catch(() => undefined),
    );
    server.notify("exit", undefined);
    await within(closeMs, server.exited);
    await server.end();
  }

  async #launch(): Promise<RpcProcess> {
    const { cwd } = this.#folder;
    const argv = [...this.#wrapper, ...serverCommand()];
    const server = new RpcProcess(argv, {
      cwd,
      env: collectLess,
      onRequest: (method, params) => (method === "workspace/configuration" ? configuration(params) : null),
    });
    this.pid = server.pid;
    try {
      await server.request("initialize", initialization(cwd), startMs);
    } catch (error) {
      await server.end();
      throw new Error(`types: TypeScript's language server ${argv[this.#wrapper.length]} did not start`, {
        cause: error,
      });
    }
    server.notify("initialized", {});
    // The server heeds `customConfigFileName` only from its first request on, and opening a document before that would
    // have it load the whole project around the notebook, which costs half a second and 100 MB. So it is asked about a
    // file that nobody has, in a folder above which it looks for no project.
    await server.request("textDocument/documentSymbol", nowhere, startMs).catch(() => undefined);
    this.#open(server, documents.config, "json", cellConfig(this.#folder));
    this.#open(server, documents.globals, "typescript", globalDeclarations);
    this.#open(server, documents.session, "typescript", this.#texts.session);
    this.#open(server, documents.cell, "typescript", this.#texts.cell);
    server.unref();
    this.#server = server;
    return server;
  }

  #open(server: RpcProcess, name: string, languageId: string, text: string): void {
    const textDocument = { uri: this.#uri(name), languageId, version: 1, text };
    server.notify("textDocument/didOpen", { textDocument });
  }

  #uri(name: string): string {
    return pathToFileURL(path.join(this.#folder.cwd, name)).href;
  }
}

const nowhere = { textDocument: { uri: pathToFileURL("/node_modules/.workbook-nowhere.ts").href } };

function configuration(params: unknown): unknown[] {
  const { items } = params as { items: { section?: string }[] };
  return items.map(({ section }) => (section === "js/ts" ? preferences : {}));
}

const preferences = {
  customConfigFileName: documents.config,
  "native-preview": { customConfigFileName: documents.config },
  suggest: { autoImports: false },
  inlayHints: {
    variableTypes: { enabled: true, suppressWhenTypeMatchesName: false },
    functionLikeReturnTypes: { enabled: true },
  },
};

function initialization(cwd: string): object {
  const markdown = ["markdown", "plaintext"];
  return {
    processId: process.pid,
    rootUri: pathToFileURL(cwd).href,
    workspaceFolders: null,
    initializationOptions: { userPreferences: preferences },
    capabilities: {
      general: { positionEncodings: ["utf-16"] },
      workspace: { configuration: true },
      textDocument: {
        diagnostic: {},
        completion: { completionItem: {}, contextSupport: true },
        hover: { contentFormat: markdown },
        signatureHelp: {
          signatureInformation: {
            documentationFormat: markdown,
            parameterInformation: { labelOffsetSupport: true },
          },
        },
      },
    },
  };
}
