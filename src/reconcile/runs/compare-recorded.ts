import { type OutputReference, outputReference, type Value } from '../../chain/block.js';
import type { Queryable, Tx } from '../../database/transaction.js';
import { headersAt } from '../../sync/queries.js';
import {
  fromLedger,
  isCompared,
  isHeld,
  type Judgement,
  judgeRecorded,
  type StoredHeaders,
  type Surroundings,
} from '../compare/judge-outputs.js';
import {
  isSame,
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
import { addAll, type Place, placeOf } from './run-progress.js';
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
): AsyncGenerator<AnsweredPage, void, void> {
  for await (const { plain, ...page } of pages) {
    const others = new Map(plain.map((listed) => [listed.reference, listed]));
    const unspent = new Map<OutputReference, ChainOutput>();
    const same: Value[] = [];
    const held = [...others.keys(), ...page.rows.filter(isHeld).map(referenceOf)];
    for (const answered of held.length === 0 ? [] : await work.questions.among(held)) {
      const { txHash, output } = answered;
      const reference = outputReference(txHash, output.index);
      const listed = others.get(reference);
      if (listed !== undefined && isSame(listed, output)) {
        others.delete(reference);
        same.push(output.value);
      } else unspent.set(reference, fromLedger(answered));
    }
    yield { ...page, same, unspent, others: [...others.keys()] };
  }
}

type RecordedPage = Page & {
  /** Where the next one begins. */
  readonly after: Place;
};

type AnsweredPage = Omit<RecordedPage, 'plain'> & {
  /** Values of those that the ledger holds as they are recorded. */
  readonly same: readonly Value[];
  /** What else it holds. */
  readonly unspent: ReadonlyMap<OutputReference, ChainOutput>;
  /** Plain ones that it doesn't hold as they are recorded. */
  readonly others: readonly OutputReference[];
};

type Closer = {
  readonly rows: readonly Recorded[];
  readonly headers: StoredHeaders;
  readonly surroundings: Surroundings;
};

async function lookCloser(
  tx: Tx,
  work: Work,
  page: Pick<AnsweredPage, 'rows' | 'others'>,
): Promise<Closer> {
  const { partitionId, at } = work;
  const rows = [...page.rows, ...(await recordedAmong(tx, partitionId, at.height, page.others))];
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

async function comparePage(work: Work, page: AnsweredPage): Promise<void> {
  const { same, after, outputs } = page;
  const { matched, findings, suspects } = await judgePage(work, page);
  addAll(work.totals.recorded, same);
  const step = { after, matched: work.progress().matched + same.length + matched };
  if (findings.length === 0 && suspects.length === 0) return work.advance(step, outputs);
  await work.commit(step, outputs, async (tx) => {
    await storeFindings(tx, work.runId, findings);
    await storeSuspects(tx, work.runId, suspects);
  });
}

const NOTHING_TO_JUDGE: Judgement = { matched: 0, findings: [], suspects: [] };

async function judgePage(work: Work, page: AnsweredPage): Promise<Judgement> {
  const { unspent } = page;
  if (page.rows.length === 0 && page.others.length === 0) return NOTHING_TO_JUDGE;
  const closer = await work.read((tx) => lookCloser(tx, work, page));
  const rows = closer.rows.filter((row) =>
    isCompared(row, unspent.get(row.reference), closer.surroundings),
  );
  const surroundings = await withChainAddresses(work, closer.surroundings, rows, unspent);
  const judged = judgeRecorded(rows, unspent, closer.headers, surroundings);
  addAll(work.totals.recorded, rows.filter(isHeld));
  return {
    ...judged,
    findings: await explainOwners(work.pool, work.partitionId, judged.findings),
  };
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
