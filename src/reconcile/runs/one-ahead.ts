/**
 * While one is worked on, the next is made already: one ahead, and no more.
 *
 * @param giveUp ends the making of one that nobody takes any more; without it, it is waited for
 */
export async function* oneAhead<T>(
  source: AsyncGenerator<T, void, void>,
  giveUp?: () => Promise<void>,
): AsyncGenerator<T, void, void> {
  const ask = (): Promise<IteratorResult<T, void>> => {
    const next = source.next();
    // Whoever waits for it is told; it may fail before anybody does.
    next.catch(() => undefined);
    return next;
  };
  let asked = ask();
  let isTaken = false;
  try {
    for (let next = await asked; next.done !== true; next = await asked) {
      asked = ask();
      yield next.value;
    }
    isTaken = true;
  } finally {
    if (!isTaken) await giveUp?.();
    await asked.catch(() => undefined);
    await source.return();
  }
}
