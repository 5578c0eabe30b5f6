/** What `using` and `await using` become on a Node that lacks them (the transform calls it `usingCtx`). */

interface Resource {
  readonly dispose: (() => unknown) | undefined;
  readonly waits: boolean;
}

/** Collects resources: `u` of `using`, `a` of `await using`; `d` disposes them in reverse, `e` is the block's error. */
export function usingContext(): object {
  const resources: Resource[] = [];
  const none = Symbol("no error");
  let error: unknown = none;
  const add = (waits: boolean) => (value: object | null | undefined) => {
    if (value == null) {
      if (waits) resources.push({ dispose: undefined, waits });
      return value;
    }
    const dispose = disposer(value, waits);
    if (typeof dispose !== "function") {
      const wanted = waits ? "[Symbol.asyncDispose]() or [Symbol.dispose]()" : "[Symbol.dispose]()";
      throw new TypeError(`using: expected a value with ${wanted}, got one without`);
    }
    resources.push({ dispose: () => Reflect.apply(dispose, value, []), waits });
    return value;
  };
  const failed = (next: unknown) => {
    error = error === none ? next : suppressed(next, error);
  };
  const finish = () => {
    if (error !== none) throw error;
  };
  const drain = (): void | Promise<void> => {
    for (let resource = resources.pop(); resource; resource = resources.pop()) {
      try {
        const result = resource.dispose?.();
        if (resource.waits) return Promise.resolve(result).catch(failed).then(drain);
      } catch (thrown) {
        failed(thrown);
      }
    }
    return finish();
  };
  return {
    u: add(false),
    a: add(true),
    d: drain,
    set e(thrown: unknown) {
      error = thrown;
    },
  };
}

function disposer(value: object, waits: boolean): unknown {
  const methods = value as Record<symbol, unknown>;
  return (waits ? methods[symbol("asyncDispose")] : undefined) ?? methods[symbol("dispose")];
}

/** Node 20 has the symbols; elsewhere the registered ones serve. */
function symbol(name: "dispose" | "asyncDispose"): symbol {
  return (Symbol as unknown as Record<string, symbol | undefined>)[name] ?? Symbol.for(`Symbol.${name}`);
}

function suppressed(error: unknown, before: unknown): Error {
  const both = new Error("an error was thrown while disposing after another error", { cause: before });
  return Object.assign(both, { name: "SuppressedError", error, suppressed: before });
}
