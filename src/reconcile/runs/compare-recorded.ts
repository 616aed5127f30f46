import type { OutputReference } from '../../chain/block.js';
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
  type ListedPage,
  type Recorded,
  recordedAfter,
  recordedAmong,
} from '../compare/recorded-queries.js';
import { explainOwners } from '../compare/registration-queries.js';
import type { ChainOutput } from '../model/finding.js';
import {
  referencesAt,
  type WatchedAddress,
  watchedAmong,
  watchedWallet,
} from './address-queries.js';
import { storeFindings, storeSuspects } from './discrepancy-queries.js';
import { oneAhead } from './one-ahead.js';
import { addTo, type RunProgress } from './run-progress.js';
import type { Work } from './run-work.js';

/** Outputs a question: quick for the node, and few megabytes here. */
const PAGE_OUTPUTS = 4_000;

type Place = RunProgress['after'];
type Page = ListedPage & { readonly last: OutputReference | undefined };
type ReadPage = (tx: Tx, after: Place) => Promise<Page>;

/** Every recorded output, by its reference, against the ledger. */
export const compareRecorded = (work: Work): Promise<void> =>
  compareInPages(work, async (tx, after) => {
    const { partitionId, at } = work;
    const page = await recordedAfter(tx, partitionId, at.height, after, PAGE_OUTPUTS);
    const rows = withoutCut(page.rows);
    return { ...page, rows, last: rows.at(-1)?.reference };
  });

/** Both tables may have a reference, where another hand was at work: no page ends between the two. */
function withoutCut(rows: readonly Recorded[]): readonly Recorded[] {
  if (rows.length < PAGE_OUTPUTS) return rows;
  const last = rows.at(-1)?.reference;
  return rows.filter(({ reference }) => reference !== last);
}

/** Those at some addresses only. */
export const compareRecordedAt = (work: Work, addresses: readonly string[]): Promise<void> =>
  compareInPages(work, async (tx, after) => {
    const { partitionId, at } = work;
    const references = await referencesAt(tx, partitionId, addresses, after, PAGE_OUTPUTS);
    const rows = await recordedAmong(tx, partitionId, at.height, references);
    const others = new Set(rows.map(({ address }) => address));
    // What came above the point is none of the rows, and the next page begins behind it all the same.
    return { rows, others, last: references.at(-1) };
  });

/** While a page is compared, the next one is asked for already, and the one after it is read. */
async function compareInPages(work: Work, readPage: ReadPage): Promise<void> {
  const { release } = work.questions;
  const pages = oneAhead(withUnspent(work, oneAhead(recordedIn(work, readPage))), release);
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
  for await (const page of pages) {
    const held = page.rows.filter(isHeld).map(({ reference }) => reference);
    const [around, unspent] = await Promise.all([
      work.read((tx) => readAround(tx, work, page)),
      unspentAmong(work, held),
    ]);
    yield { ...page, ...around, unspent };
  }
}

type RecordedPage = ListedPage & {
  /** Where the next one begins. */
  readonly after: Place;
};

type Around = { readonly headers: StoredHeaders; readonly surroundings: Surroundings };
type BothSides = RecordedPage &
  Around & { readonly unspent: ReadonlyMap<OutputReference, ChainOutput> };

async function readAround(tx: Tx, work: Work, page: ListedPage): Promise<Around> {
  const heights = new Set<number>();
  for (const { placement } of page.rows) if (placement !== null) heights.add(placement.height);
  const headers = await headersAt(tx, work.partitionId, [...heights]);
  return {
    headers: new Map(headers.map((header) => [header.height, header])),
    surroundings: await ownersOf(tx, work, page),
  };
}

/** Whose the rows' addresses are: nearly all are the row's own user's. */
async function ownersOf(
  db: Queryable,
  work: Work,
  { rows, others }: ListedPage,
): Promise<Surroundings> {
  const { partitionId, hotWallet, at, confirmationsHeld } = work;
  const known = new Map<string, WatchedAddress>();
  for (const { address, userId } of rows) {
    if (others.has(address)) continue;
    const plain = { address, userId, watchedFrom: null, backfilledHeight: null, backfill: true };
    known.set(address, plain);
  }
  if (others.size > 0) {
    const watched = await watchedAmong(db, partitionId, null, [...others]);
    for (const [address, one] of watched) known.set(address, one);
  }
  if (hotWallet !== null && rows.some(({ kind }) => kind === 'wallet')) {
    known.set(hotWallet, await watchedWallet(db, partitionId, hotWallet));
  }
  return { height: at.height, hotWallet, confirmationsHeld, watched: known };
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
  const { unspent, after } = page;
  const rows = page.rows.filter((row) =>
    isCompared(row, unspent.get(row.reference), page.surroundings),
  );
  const surroundings = await withChainAddresses(work, page.surroundings, unspent);
  const judged = judgeRecorded(rows, unspent, page.headers, surroundings);
  const findings = await explainOwners(work.pool, work.partitionId, judged.findings);
  for (const row of rows) if (isHeld(row)) addTo(work.totals.recorded, row);
  const { matched } = work.progress();
  await work.commit({ after, matched: matched + judged.matched }, page.rows.length, async (tx) => {
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
  unspent: ReadonlyMap<OutputReference, ChainOutput>,
): Promise<Surroundings> {
  const others: string[] = [];
  for (const { address } of unspent.values()) if (!known.watched.has(address)) others.push(address);
  if (others.length === 0) return known;
  const more = await surroundingsOf(work.pool, work, others);
  return { ...known, watched: new Map([...known.watched, ...more.watched]) };
}

const placeOf = (reference: OutputReference): Place => {
  const [txHash = '', index = ''] = reference.split('#');
  return { txHash, index: Number(index) };
};
