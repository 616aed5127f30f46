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
  work: Pick<Work, 'partitionId' | 'at' | 'read' | 'signal'>,
  addresses: readonly string[],
): AsyncGenerator<PageAt, void, void> {
  const { partitionId, at, signal } = work;
  const asked = { addresses, ofWallet: 'all', height: at.height } as const;
  for (let after: Place = BEFORE_ALL_OUTPUTS; ; ) {
    signal.throwIfAborted();
    const page = await work.read(async (tx) => {
      const references = await referencesAt(tx, partitionId, asked, after, PAGE_OUTPUTS);
      return { references, rows: await recordedAmong(tx, partitionId, at.height, references) };
    });
    const last = page.references.at(-1);
    if (last === undefined) return;
    yield page;
    if (page.references.length < PAGE_OUTPUTS) return;
    after = placeOf(last);
  }
}
