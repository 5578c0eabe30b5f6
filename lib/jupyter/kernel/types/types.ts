/**
 * Types over all cells of a session: TypeScript 7's language server checks a cell, completes a word and explains a name.
 *
 * The server holds two documents in the notebook's folder: the session, all committed cells (session-document.ts), and
 * the cell at hand, whose first lines bring in the names that it mentions.
 */

import { setImmediate } from "node:timers/promises";
import type { Types } from "../seams.js";
import {
  completions,
  diagnostics,
  hoverMarkdown,
  isBareFunction,
  plainText,
  signatureDocumentation,
  signatureMarkdown,
} from "./answers.js";
import { type Annotation, annotations } from "./explicit.js";
import { lineStarts, positionAt } from "./positions.js";
import { sessionSpecifier } from "./project.js";
import { LanguageServer, type Position } from "./server.js";
import { SessionDocument } from "./session-document.js";
import { readSyntax } from "./syntax.js";
import { watchFolder } from "./watch.js";

/** Notebook folder, and the workbook's own folder for what the notebook's lacks. */
export interface TypesOptions {
  readonly cwd: string;
  readonly root: string;
}

/** TypeScript's numbers for errors of syntax end here. */
const syntaxCodes = 2000;

/**
 * Starts the language server, unless it is given one that has been started. @throws when there is none.
 */
export async function createTypes(
  options: TypesOptions,
  server = new LanguageServer(options),
): Promise<CellTypes> {
  const types = new CellTypes(options, server);
  await types.start();
  return types;
}

export class CellTypes implements Types {
  #server: LanguageServer;
  #session = new SessionDocument();
  #watcher: { changed(): string[]; close(): void };
  /** Questions wait for each other: all of them are about the one cell document. */
  #last: Promise<unknown> = Promise.resolve();

  constructor({ cwd }: TypesOptions, server: LanguageServer) {
    this.#server = server;
    this.#watcher = watchFolder(cwd);
  }

  /** Process id of the language server. */
  get serverPid(): number | undefined {
    return this.#server.pid;
  }

  async start(): Promise<void> {
    await this.#server.start();
    // Reads the files that every cell needs while the reader's first cell is still on its way.
    void this.#next(() => this.#server.ask("diagnostic"));
  }

  async check(code: string) {
    return this.#next(async () => {
      // Two turns of the event loop have one poll between them: a file saved just now has been reported then.
      await setImmediate();
      await setImmediate();
      this.#server.filesChanged(this.#watcher.changed());
      const { line: first } = this.#show(code);
      const answer = await this.#server.ask("diagnostic");
      const errors = diagnostics(answer, { code, starts: lineStarts(code), first });
      const unreadable = errors.filter(({ code: number }) => number < syntaxCodes);
      return unreadable.length > 0 && !readSyntax(code).valid ? unreadable : errors;
    });
  }

  commit(code: string, _count: number): void {
    void this.#next(async () => {
      if (!this.#session.add(code, await this.#inferred(code))) return;
      this.#server.setText("session", this.#session.text);
      // The server builds its program anew when two documents change at once or when imports do, so it gets the session
      // now, not with the next cell, and this cell's own imports leave with the same build that brings them in there.
      if (/\bimport\b/.test(code)) this.#show("");
      await this.#server.ask("documentSymbol");
    });
  }

  async complete(code: string, offset: number) {
    const typed = /[\p{ID_Continue}$\u200c\u200d]*$/u.exec(code.slice(0, offset))![0];
    const asked = performance.now();
    const answer = await this.#next(() => {
      const position = this.#show(code, offset, "all");
      return this.#server.askPatiently("completion", position, asked);
    });
    return { start: offset - typed.length, end: offset, items: completions(answer, typed) };
  }

  async inspect(code: string, offset: number) {
    const markdown = await this.#next(async () => {
      const position = this.#show(code, offset);
      const hover = hoverMarkdown(await this.#server.ask("hover", position));
      if (hover === undefined) return signatureMarkdown(await this.#server.ask("signatureHelp", position));
      const about = isBareFunction(hover) ? await this.#asCall(code, offset) : undefined;
      return about === undefined ? hover : `${hover}\n${about}`;
    });
    return markdown === undefined ? undefined : { markdown, text: plainText(markdown) };
  }

  /** What would be said of the name at `offset` if it were being called. */
  async #asCall(code: string, offset: number): Promise<string | undefined> {
    const end = offset + /^[\p{ID_Continue}$\u200c\u200d]*/u.exec(code.slice(offset))![0].length;
    const position = this.#show(`${code.slice(0, end)}(${code.slice(end)}`, end + 1);
    return signatureDocumentation(await this.#server.ask("signatureHelp", position));
  }

  async close(): Promise<void> {
    this.#watcher.close();
    await this.#server.close();
  }

  /** The types of a cell's variables and functions, where the cell does not say them. */
  async #inferred(code: string): Promise<Annotation[]> {
    if (!/\b(const|let|var|function)\b/.test(code)) return [];
    const { line: prefixLines } = this.#show(code);
    const starts = lineStarts(code);
    const answer = await this.#server.askRange("inlayHint", starts.length + prefixLines);
    const { declared } = readSyntax(code);
    return annotations(
      answer,
      { starts, prefixLines },
      (name) => declared.has(name) || this.#session.has(name),
    );
  }

  /** Puts the cell into its document; returns where `offset` is there. */
  #show(code: string, offset = 0, names?: "all"): Position {
    const prefix = `${this.#session.prefix(code, sessionSpecifier, names)}\n`;
    this.#server.setText("cell", prefix + code);
    const { line, character } = positionAt(lineStarts(code), offset);
    return { line: line + lineStarts(prefix).length - 1, character };
  }

  #next<T>(question: () => T | Promise<T>): Promise<T> {
    const answer = this.#last.then(question);
    this.#last = answer.catch(() => undefined);
    return answer;
  }
}
