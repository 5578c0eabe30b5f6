/** What `for await` in a cell iterates: the same values, each wait of which an interrupt can end. */

type Wait = (value: unknown) => unknown;
type Source = Partial<AsyncIterable<unknown> & Iterable<unknown>>;

export function iterate(source: Source, wait: Wait): AsyncIterable<unknown> {
  const asynchronous = source?.[Symbol.asyncIterator]?.();
  if (asynchronous !== undefined) {
    return iterable({
      next: async () => (await wait(asynchronous.next())) as IteratorResult<unknown>,
      return: async () => (await asynchronous.return?.()) ?? { done: true, value: undefined },
    });
  }
  const synchronous = source?.[Symbol.iterator]?.();
  if (synchronous === undefined) throw new TypeError("the value of for await is not async iterable");
  return iterable({
    next: async () => {
      const { done = false, value } = synchronous.next();
      return { done, value: await wait(value) } as IteratorResult<unknown>;
    },
    return: async () => synchronous.return?.() ?? { done: true, value: undefined },
  });
}

function iterable(iterator: AsyncIterator<unknown>): AsyncIterable<unknown> {
  return { [Symbol.asyncIterator]: () => iterator };
}
