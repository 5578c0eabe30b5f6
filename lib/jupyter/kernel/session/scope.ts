/** The variables of a session: one box each, which every cell and every closure of a cell shares. */

export type Kind = "let" | "const" | "var" | "import";

/**
 * One variable. `v` is an ordinary property once the variable has a value, so that reading it costs what reading any
 * property costs; before that it is an accessor that throws, as the language has it.
 */
export class Box {
  declare v: unknown;
  readonly name: string;
  kind: Kind | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Stands where a cell assigns to a constant: reads, and refuses to write. */
  get c(): unknown {
    return this.v;
  }
  set c(_: unknown) {
    throw new TypeError("Assignment to constant variable.");
  }

  /** What `typeof` looks at: never throws. */
  get peek(): unknown {
    return Object.hasOwn(this, "v") ? this.v : (globalThis as Record<string, unknown>)[this.name];
  }

  /** Binds to something that changes elsewhere: an export of a module. */
  bind(get: () => unknown): void {
    Object.defineProperty(this, "v", { get, configurable: true, enumerable: true });
  }
}

Object.defineProperty(Box.prototype, "v", {
  get(this: Box) {
    if (this.name in globalThis) return (globalThis as Record<string, unknown>)[this.name];
    throw new ReferenceError(`${this.name} is not defined`);
  },
  set(this: Box, value: unknown) {
    if (this.kind === undefined) {
      if (!(this.name in globalThis)) throw new ReferenceError(`${this.name} is not defined`);
      (globalThis as Record<string, unknown>)[this.name] = value;
      return;
    }
    Object.defineProperty(this, "v", { value, writable: true, configurable: true, enumerable: true });
  },
});

export class Scope {
  readonly #boxes = new Map<string, Box>();

  /** The box of that name, made when there is none: a function may name what a later cell declares. */
  box(name: string): Box {
    const known = this.#boxes.get(name);
    if (known !== undefined) return known;
    const box = new Box(name);
    this.#boxes.set(name, box);
    return box;
  }

  /** How a cell declared the variable; undefined when none did. */
  kind(name: string): Kind | undefined {
    return this.#boxes.get(name)?.kind;
  }

  /** A cell that is about to run declares the variable, anew or for the first time. */
  declare(name: string, kind: Kind): void {
    const box = this.box(name);
    // An import is bound by an accessor, which an assignment would not replace.
    if (box.kind === "import") Reflect.deleteProperty(box, "v");
    box.kind = kind;
    if (kind === "var") box.v = undefined;
  }
}
