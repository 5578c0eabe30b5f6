/** Questions to the reader that wait for their answer. */

export class StdinNotAvailable extends Error {
  override readonly name = "StdinNotAvailable";
}

interface Waiting {
  readonly resolve: (text: string) => void;
  readonly reject: (error: Error) => void;
}

export class Prompts {
  readonly #send: (question: { id: number; text: string; password: boolean }) => void;
  readonly #waiting = new Map<number, Waiting>();
  #last: Promise<unknown> = Promise.resolve();
  #ids = 0;

  constructor(send: (question: { id: number; text: string; password: boolean }) => void) {
    this.#send = send;
  }

  /** Resolves to what the reader types; one question at a time. */
  ask(text: string, password: boolean, allowed: boolean): Promise<string> {
    if (!allowed) {
      return Promise.reject(
        new StdinNotAvailable(
          `prompt(${JSON.stringify(text)}) needs a reader, but this client takes no input`,
        ),
      );
    }
    const asked = this.#last.then(
      () =>
        new Promise<string>((resolve, reject) => {
          const id = ++this.#ids;
          this.#waiting.set(id, { resolve, reject });
          this.#send({ id, text, password });
        }),
    );
    this.#last = asked.catch(() => {});
    return asked;
  }

  answer({ id, value, refused }: { id: number; value?: string; refused?: string }): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (refused !== undefined) waiting?.reject(new StdinNotAvailable(refused));
    else waiting?.resolve(value ?? "");
  }

  /** Nobody will answer any more. */
  refuse(reason: string): void {
    for (const id of [...this.#waiting.keys()]) this.answer({ id, refused: reason });
  }
}
