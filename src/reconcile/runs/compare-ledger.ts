import type { OutputReference } from '../../chain/block.js';
import type { UnspentOutput } from '../../chain/utxo.js';
import type { Queryable } from '../../database/transaction.js';
import {
  fromLedger,
  judgeUnspent,
  type Known,
  type Surroundings,
} from '../compare/judge-outputs.js';
import { type Recorded, recordedAmong } from '../compare/recorded-queries.js';
import { isCovered } from '../compare/watching.js';
import type { ChainOutput } from '../model/finding.js';
import {
  addressesAfter,
  type WatchedAddress,
  watchedAmong,
  watchedWallet,
} from './address-queries.js';
import { storeFindings, storeSuspects } from './discrepancy-queries.js';
import { oneAhead } from './one-ahead.js';
import { notHeld, recordedElsewhere } from './recorded-elsewhere-queries.js';
import { addTo, BEFORE_ALL_ADDRESSES, HOT_WALLET_DONE } from './run-progress.js';
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
type Answer = Question & { readonly unspent: readonly UnspentOutput[] };

/** While one answer is compared the next one is asked for: two at a time, as they are large. */
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
    const unspent = addresses.length === 0 ? [] : await work.questions.atAddresses(addresses);
    yield { ...question, unspent };
  }
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

async function compareAnswer(work: Work, { asked, watchId, unspent }: Answer): Promise<void> {
  const watched = new Map(asked.map((one) => [one.address, one]));
  const { at, hotWallet, confirmationsHeld } = work;
  const surroundings = { height: at.height, hotWallet, confirmationsHeld, watched };
  for (let from = 0; from < unspent.length; from += LOOKUP_OUTPUTS) {
    const some = unspent.slice(from, from + LOOKUP_OUTPUTS).map(fromLedger);
    await compareUnspent(work, some, surroundings);
  }
  const { addresses, covered } = work.progress();
  await work.commit(
    {
      watchId,
      addresses: addresses + asked.length,
      covered: covered + asked.filter((one) => isCovered(one, at.height)).length,
    },
    asked.length,
  );
}

async function compareUnspent(
  work: Work,
  unspent: readonly ChainOutput[],
  surroundings: Surroundings,
): Promise<void> {
  const { odd, known } = await work.read(async (tx) => {
    const unheld = await notHeld(tx, work, work.at.height, unspent);
    return { odd: unheld, known: await lookUp(tx, work, [...unheld]) };
  });
  const { findings, suspects, counted } = judgeUnspent(
    unspent.filter(({ reference }) => odd.has(reference)),
    known,
    surroundings,
  );
  // What is held was compared with the other recorded outputs.
  const held = unspent.filter(
    ({ reference, address }) => !odd.has(reference) && surroundings.watched.has(address),
  );
  for (const output of [...held, ...counted]) addTo(work.totals.onChain, output);
  if (findings.length === 0 && suspects.length === 0) return;
  await work.commit(
    // Should it be interrupted before all of the answer is looked at, these addresses are asked for again.
    { onChain: work.progress().onChain },
    0,
    async (tx) => {
      await storeFindings(tx, work.runId, findings);
      await storeSuspects(tx, work.runId, suspects);
    },
  );
}

const NOTHING: Known = { recorded: null, recordedAbove: null, elsewhere: false };

/** What the books have of each; what they seem to lack is looked for where it shouldn't be as well. */
async function lookUp(
  db: Queryable,
  { partitionId, hotWallet, at }: Work,
  references: readonly OutputReference[],
): Promise<(output: ChainOutput) => Known> {
  if (references.length === 0) return () => NOTHING;
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
