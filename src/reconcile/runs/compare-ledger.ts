import { type OutputReference, outputReference, type Value } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';
import {
  fromLedger,
  judgeUnspent,
  type Known,
  type Surroundings,
  type Suspect,
} from '../compare/judge-outputs.js';
import { type Recorded, recordedAmong } from '../compare/recorded-queries.js';
import { isCovered } from '../compare/watching.js';
import type { ChainOutput, Finding } from '../model/finding.js';
import {
  addressesAfter,
  type WatchedAddress,
  watchedAmong,
  watchedWallet,
} from './address-queries.js';
import { storeFindings, storeSuspects } from './discrepancy-queries.js';
import { oneAhead } from './one-ahead.js';
import { heldAt, recordedElsewhere } from './recorded-elsewhere-queries.js';
import { addAll, BEFORE_ALL_ADDRESSES, HOT_WALLET_DONE } from './run-progress.js';
import type { Work } from './run-work.js';

/** A question by address makes a node walk its whole ledger: it is worth asking for many. */
const QUESTION = { addresses: 10_000, outputs: 12_000 } as const;
/** Outputs looked up at once. */
const LOOKUP_OUTPUTS = 5_000;
const ABOVE_ALL = Number.MAX_SAFE_INTEGER;

/** All that the ledger holds at watched addresses, against the books. */
export const compareLedger = (work: Work): Promise<void> => compareAnswers(work, allOf(work));

/** Those at some addresses only. */
export const compareLedgerAt = (work: Work, addresses: readonly string[]): Promise<void> =>
  compareAnswers(work, someOf(work, addresses));

/** Addresses of one question, and the last of them in the order of registration. */
type Question = { readonly asked: readonly WatchedAddress[]; readonly watchId: string };
type Answer = Question & {
  /** Values of those that the books hold: they were compared with the other recorded outputs. */
  readonly held: readonly Value[];
  readonly odd: readonly ChainOutput[];
};

/** While one answer is compared the next one is asked for. */
async function compareAnswers(
  work: Work,
  questions: AsyncGenerator<Question, void, void>,
): Promise<void> {
  const { giveUp } = work.questions;
  const answers = oneAhead(answered(work, questions), giveUp);
  for await (const answer of answers) await compareAnswer(work, answer);
}

async function* answered(
  work: Work,
  questions: AsyncGenerator<Question, void, void>,
): AsyncGenerator<Answer, void, void> {
  for await (const question of questions) {
    const addresses = question.asked.map(({ address }) => address);
    if (addresses.length === 0) yield { ...question, held: [], odd: [] };
    else yield { ...question, ...(await tellApart(work, addresses)) };
  }
}

/** Nothing is kept of what the books hold but its value: answers are large. */
async function tellApart(
  work: Work,
  addresses: readonly string[],
): Promise<Pick<Answer, 'held' | 'odd'>> {
  const { at, questions } = work;
  const [isHeld, unspent] = await Promise.all([
    work.read((tx) => heldAt(tx, work, at.height, addresses)),
    questions.atAddresses(addresses),
  ]);
  const asked = new Set(addresses);
  const held: Value[] = [];
  const odd: ChainOutput[] = [];
  for (const one of unspent) {
    const { address, index, value } = one.output;
    if (!asked.has(address)) continue;
    if (isHeld(outputReference(one.txHash, index), address)) held.push(value);
    else odd.push(fromLedger(one));
  }
  return { held, odd };
}

async function* allOf(work: Work): AsyncGenerator<Question, void, void> {
  const { partitionId, hotWallet } = work;
  let { watchId } = work.progress();
  if (watchId === BEFORE_ALL_ADDRESSES) {
    const asked =
      hotWallet === null ? [] : [await watchedWallet(work.pool, partitionId, hotWallet)];
    watchId = HOT_WALLET_DONE;
    yield { asked, watchId };
  }
  for (;;) {
    const after = watchId;
    let listed = await work.read((tx) => addressesAfter(tx, partitionId, after, QUESTION));
    if (listed.length === 0) return;
    while (listed.length > 0) {
      const some = asManyAsFit(listed);
      watchId = some.at(-1)?.watchId ?? watchId;
      // The hot wallet was asked for already, and is no address of a user's.
      yield { asked: some.filter(({ address }) => address !== hotWallet), watchId };
      listed = listed.slice(some.length);
    }
  }
}

async function* someOf(
  work: Work,
  addresses: readonly string[],
): AsyncGenerator<Question, void, void> {
  const { partitionId, hotWallet } = work;
  for (let from = 0; from < addresses.length; from += QUESTION.addresses) {
    const some = addresses.slice(from, from + QUESTION.addresses);
    const watched = await work.read((tx) => watchedAmong(tx, partitionId, hotWallet, some));
    yield { asked: [...watched.values()], watchId: BEFORE_ALL_ADDRESSES };
  }
}

/** From the front, as long as the answer stays small; at least one. */
function asManyAsFit<A extends { readonly outputs: number }>(listed: readonly A[]): readonly A[] {
  let outputs = 0;
  const tooMany = listed.findIndex((one, position) => {
    outputs += one.outputs;
    return position > 0 && outputs > QUESTION.outputs;
  });
  return tooMany === -1 ? listed : listed.slice(0, tooMany);
}

async function compareAnswer(work: Work, { asked, watchId, held, odd }: Answer): Promise<void> {
  const watched = new Map(asked.map((one) => [one.address, one]));
  const { at, hotWallet, confirmationsHeld } = work;
  const surroundings = { height: at.height, hotWallet, confirmationsHeld, watched };
  const { findings, suspects, counted } = await judgeOdd(work, surroundings, odd);
  addAll(work.totals.onChain, held);
  addAll(work.totals.onChain, counted);
  const { addresses, covered } = work.progress();
  const step = {
    watchId,
    addresses: addresses + asked.length,
    covered: covered + asked.filter((one) => isCovered(one, at.height)).length,
  };
  if (findings.length === 0 && suspects.length === 0)
    return work.advance(step, held.length + odd.length, asked.length);
  await work.commit(step, asked.length, async (tx) => {
    for (const some of inParts(findings)) await storeFindings(tx, work.runId, some);
    for (const some of inParts(suspects)) await storeSuspects(tx, work.runId, some);
  });
}

async function judgeOdd(
  work: Work,
  surroundings: Surroundings,
  odd: readonly ChainOutput[],
): Promise<Judged> {
  const judged: Judged = { findings: [], suspects: [], counted: [] };
  for (const some of inParts(odd)) {
    const known = await work.read((tx) =>
      lookUp(
        tx,
        work,
        some.map(({ reference }) => reference),
      ),
    );
    const { findings, suspects, counted } = judgeUnspent(some, known, surroundings);
    judged.findings.push(...findings);
    judged.suspects.push(...suspects);
    judged.counted.push(...counted);
  }
  return judged;
}

type Judged = {
  readonly findings: Finding[];
  readonly suspects: Suspect[];
  readonly counted: ChainOutput[];
};

function* inParts<T>(all: readonly T[]): Generator<readonly T[], void, void> {
  for (let from = 0; from < all.length; from += LOOKUP_OUTPUTS)
    yield all.slice(from, from + LOOKUP_OUTPUTS);
}

/** What the books have of each; what they seem to lack is looked for where it shouldn't be as well. */
async function lookUp(
  db: Queryable,
  { partitionId, hotWallet, at }: Work,
  references: readonly OutputReference[],
): Promise<(output: ChainOutput) => Known> {
  const found = byTable(await recordedAmong(db, partitionId, at.height, references));
  const above = byTable(await recordedAmong(db, partitionId, ABOVE_ALL, references));
  const elsewhere = await recordedElsewhere(db, partitionId, references);
  return ({ reference, address }) => {
    const key = `${address === hotWallet ? 'wallet' : 'payment'} ${reference}`;
    return {
      recorded: found.get(key) ?? null,
      recordedAbove: above.get(key) ?? null,
      elsewhere: elsewhere.has(reference),
    };
  };
}

/** In the wrong table it isn't known. */
const byTable = (rows: readonly Recorded[]): ReadonlyMap<string, Recorded> =>
  new Map(rows.map((row) => [`${row.kind} ${row.reference}`, row]));
