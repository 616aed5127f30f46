import { NO_ASSETS, type OutputReference } from '../../chain/block.js';
import type { Queryable, Tx } from '../../database/transaction.js';
import { headersAt } from '../../sync/queries.js';
import {
  fromLedger,
  isCompared,
  isHeld,
  judgeRecorded,
  type StoredHeaders,
  type Surroundings,
} from '../compare/judge-outputs.js';
import {
  type ListedOutput,
  listedAfter,
  type Recorded,
  recordedAmong,
} from '../compare/recorded-queries.js';
import { explainOwners } from '../compare/registration-queries.js';
import type { ChainOutput } from '../model/finding.js';
import { referencesAt, type WalletPast, watchedAmong } from './address-queries.js';
import { storeFindings, storeSuspects } from './discrepancy-queries.js';
import { oneAhead } from './one-ahead.js';
import { addTo, type Place, placeOf } from './run-progress.js';
import type { Work } from './run-work.js';

/** Outputs a question: quick for the node, and few megabytes here. */
const PAGE_OUTPUTS = 4_000;

type Page = {
  /** Of these no more has to be known than that the ledger holds the same. */
  readonly plain: readonly ListedOutput[];
  readonly rows: readonly Recorded[];
  readonly outputs: number;
};
type ReadPage = (
  tx: Tx,
  after: Place,
) => Promise<Page & { readonly last: OutputReference | undefined }>;

/** Every recorded output, by its reference, against the ledger. */
export const compareRecorded = (work: Work): Promise<void> =>
  compareInPages(work, async (tx, after) => {
    const { partitionId, at } = work;
    const listed = withoutCut(await listedAfter(tx, work, at.height, after, PAGE_OUTPUTS));
    const odd = new Set(listed.filter(({ look }) => look === 'odd').map(referenceOf));
    return {
      plain: listed.filter(({ look, reference }) => look === 'held' && !odd.has(reference)),
      rows: await recordedAmong(tx, partitionId, at.height, [...odd]),
      outputs: listed.length,
      last: listed.at(-1)?.reference,
    };
  });

const referenceOf = ({ reference }: { readonly reference: OutputReference }): OutputReference =>
  reference;

/** Both tables may have a reference, where another hand was at work: no page ends between the two. */
function withoutCut(listed: readonly ListedOutput[]): readonly ListedOutput[] {
  if (listed.length < PAGE_OUTPUTS) return listed;
  const last = listed.at(-1)?.reference;
  return listed.filter(({ reference }) => reference !== last);
}

/** Those at some addresses only. */
export const compareRecordedAt = (
  work: Work,
  addresses: readonly string[],
  ofWallet: WalletPast,
): Promise<void> =>
  compareInPages(work, async (tx, after) => {
    const { partitionId, at } = work;
    const asked = { addresses, ofWallet, height: at.height };
    const references = await referencesAt(tx, partitionId, asked, after, PAGE_OUTPUTS);
    const rows = await recordedAmong(tx, partitionId, at.height, references);
    // What came above the point is none of the rows, and the next page begins behind it all the same.
    return { plain: [], rows, outputs: rows.length, last: references.at(-1) };
  });

/** While a page is compared, the next one is asked for already, and the one after it is read. */
async function compareInPages(work: Work, readPage: ReadPage): Promise<void> {
  const { giveUp } = work.questions;
  const pages = oneAhead(withUnspent(work, oneAhead(recordedIn(work, readPage))), giveUp);
  for await (const page of pages) await comparePage(work, page);
}

async function* recordedIn(
  work: Work,
  readPage: ReadPage,
): AsyncGenerator<RecordedPage, void, void> {
  for (let { after } = work.progress(); ; ) {
    const { last, ...page } = await work.read((tx) => readPage(tx, after));
    if (last === undefined) return;
    after = placeOf(last);
    yield { ...page, after };
  }
}

async function* withUnspent(
  work: Work,
  pages: AsyncGenerator<RecordedPage, void, void>,
): AsyncGenerator<BothSides, void, void> {
  for await (const { plain, ...page } of pages) {
    const held = [...plain, ...page.rows.filter(isHeld)].map(referenceOf);
    const unspent = await unspentAmong(work, held);
    const same = plain.filter((listed) => isSame(listed, unspent.get(listed.reference)));
    const others = same.length === plain.length ? [] : without(plain, same);
    yield {
      ...page,
      same,
      unspent,
      ...(await work.read((tx) => lookCloser(tx, work, page, others))),
    };
  }
}

/** Nothing else of it is left to be compared. */
const isSame = (listed: ListedOutput, onChain: ChainOutput | undefined): boolean =>
  onChain !== undefined &&
  onChain.address === listed.address &&
  onChain.assets.size === 0 &&
  onChain.lovelace.toString() === listed.amountLovelace;

const without = (plain: readonly ListedOutput[], same: readonly ListedOutput[]) => {
  const taken = new Set(same);
  return plain.filter((one) => !taken.has(one)).map(referenceOf);
};

type RecordedPage = Page & {
  /** Where the next one begins. */
  readonly after: Place;
};

type Closer = {
  readonly rows: readonly Recorded[];
  readonly headers: StoredHeaders;
  readonly surroundings: Surroundings;
};
type BothSides = Closer &
  Omit<RecordedPage, 'plain'> & {
    readonly same: readonly ListedOutput[];
    readonly unspent: ReadonlyMap<OutputReference, ChainOutput>;
  };

/** @param others of which the ledger doesn't hold the same */
async function lookCloser(
  tx: Tx,
  work: Work,
  page: Pick<Page, 'rows'>,
  others: readonly OutputReference[],
): Promise<Closer> {
  const { partitionId, at } = work;
  const rows = [...page.rows, ...(await recordedAmong(tx, partitionId, at.height, others))];
  const heights = new Set<number>();
  for (const { placement } of rows) if (placement !== null) heights.add(placement.height);
  const headers = await headersAt(tx, partitionId, [...heights]);
  return {
    rows,
    headers: new Map(headers.map((header) => [header.height, header])),
    surroundings: await surroundingsOf(
      tx,
      work,
      rows.map(({ address }) => address),
    ),
  };
}

/** What is known of the addresses. */
export async function surroundingsOf(
  db: Queryable,
  work: Work,
  addresses: readonly string[],
): Promise<Surroundings> {
  const { partitionId, hotWallet, at, confirmationsHeld } = work;
  const watched = await watchedAmong(db, partitionId, hotWallet, [...new Set(addresses)]);
  return { height: at.height, hotWallet, confirmationsHeld, watched };
}

async function comparePage(work: Work, page: BothSides): Promise<void> {
  const { same, unspent, after } = page;
  const rows = page.rows.filter((row) =>
    isCompared(row, unspent.get(row.reference), page.surroundings),
  );
  const surroundings = await withChainAddresses(work, page.surroundings, rows, unspent);
  const judged = judgeRecorded(rows, unspent, page.headers, surroundings);
  const findings = await explainOwners(work.pool, work.partitionId, judged.findings);
  for (const row of rows) if (isHeld(row)) addTo(work.totals.recorded, row);
  for (const { amountLovelace } of same) {
    addTo(work.totals.recorded, { lovelace: BigInt(amountLovelace), assets: NO_ASSETS });
  }
  const matched = work.progress().matched + same.length + judged.matched;
  await work.commit({ after, matched }, page.outputs, async (tx) => {
    await storeFindings(tx, work.runId, findings);
    await storeSuspects(tx, work.runId, judged.suspects);
  });
}

async function unspentAmong(
  work: Work,
  references: readonly OutputReference[],
): Promise<Map<OutputReference, ChainOutput>> {
  if (references.length === 0) return new Map();
  const byReference = new Map<OutputReference, ChainOutput>();
  for (const unspent of await work.questions.among(references)) {
    const output = fromLedger(unspent);
    byReference.set(output.reference, output);
  }
  return byReference;
}

/** An output may be at another address than its row says. */
async function withChainAddresses(
  work: Work,
  known: Surroundings,
  rows: readonly Recorded[],
  unspent: ReadonlyMap<OutputReference, ChainOutput>,
): Promise<Surroundings> {
  const others = rows.flatMap(({ reference }) => {
    const address = unspent.get(reference)?.address;
    return address === undefined || known.watched.has(address) ? [] : [address];
  });
  if (others.length === 0) return known;
  const more = await surroundingsOf(work.pool, work, others);
  return { ...known, watched: new Map([...known.watched, ...more.watched]) };
}
