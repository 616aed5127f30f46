/** Lives outside the garbage collector's reach: what isn't freed stays for good. */
type Freeable = { free(): void };

/** Runs `work`, then frees whatever it called `own` on, whether it succeeded or not. */
export function withLibraryObjects<R>(work: (own: <T extends Freeable>(object: T) => T) => R): R {
  const owned: Freeable[] = [];
  try {
    return work((object) => {
      owned.push(object);
      return object;
    });
  } finally {
    for (const object of owned) object.free();
  }
}
