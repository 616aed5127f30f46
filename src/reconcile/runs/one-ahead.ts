/** While one is worked on, the next is made already: one ahead, and no more. */
export async function* oneAhead<T>(
  source: AsyncGenerator<T, void, void>,
): AsyncGenerator<T, void, void> {
  const ask = (): Promise<IteratorResult<T, void>> => {
    const next = source.next();
    // Whoever waits for it is told; it may fail before anybody does.
    next.catch(() => undefined);
    return next;
  };
  let asked = ask();
  try {
    for (let next = await asked; next.done !== true; next = await asked) {
      asked = ask();
      yield next.value;
    }
  } finally {
    await asked.catch(() => undefined);
    await source.return();
  }
}
