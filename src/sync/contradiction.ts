/**
 * What is to be written is written already, or stands where it can't: another hand changed the books. Nothing
 * of the transaction is done, and the same again gives the same until they are repaired.
 */
export class BooksContradict extends Error {
  override readonly name = 'BooksContradict';

  /**
   * @param found what contradicts, a sentence part each; the first few are told
   * @param remedy what a person is to do, as a sentence
   */
  constructor(found: readonly string[], remedy: string = REPAIR) {
    const more = found.length - TOLD_MAX;
    const told = [...found.slice(0, TOLD_MAX), ...(more > 0 ? [`${more} more like these`] : [])];
    super(`the books contradict themselves: ${told.join('; ')}. Nothing was written. ${remedy}`);
  }
}

const TOLD_MAX = 3;
const REPAIR =
  'Run `teller reconcile --repair` while an instance leads; blocks go on by themselves afterwards.';
