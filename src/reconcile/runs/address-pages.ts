import type { OutputReference } from '../../chain/block.js';
import { type Recorded, recordedAmong } from '../compare/recorded-queries.js';
import { referencesAt } from './address-queries.js';
import { BEFORE_ALL_OUTPUTS, type Place, placeOf } from './run-progress.js';
import type { Work } from './run-work.js';

const PAGE_OUTPUTS = 4_000;

type PageAt = {
  readonly references: readonly OutputReference[];
  readonly rows: readonly Recorded[];
};

/** What is recorded at some addresses, as of the point of the comparison. */
export async function* pagesAt(
  work: Pick<Work, 'partitionId' | 'at' | 'read'>,
  addresses: readonly string[],
): AsyncGenerator<PageAt, void, void> {
  const { partitionId, at } = work;
  for (let after: Place = BEFORE_ALL_OUTPUTS; ; ) {
    const page = await work.read(async (tx) => {
      const references = await referencesAt(tx, partitionId, addresses, after, PAGE_OUTPUTS);
      return { references, rows: await recordedAmong(tx, partitionId, at.height, references) };
    });
    const last = page.references.at(-1);
    if (last === undefined) return;
    yield page;
    after = placeOf(last);
  }
}
