import type { OutputReference } from '../../chain/block.js';
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
import { notHeld, recordedElsewhere } from './recorded-elsewhere-queries.js';
import { addTo, BEFORE_ALL_ADDRESSES, HOT_WALLET_DONE } from './run-progress.js';
import type { Work } from './run-work.js';

/** A question by address makes a node walk its whole ledger: it is worth asking for many. */
const QUESTION = { addresses: 10_000, outputs: 20_000 } as const;
/** Outputs looked up at once. */
const LOOKUP_OUTPUTS = 5_000;
const ABOVE_ALL = Number.MAX_SAFE_INTEGER;

/** All that the ledger holds at watched addresses, against the books. */
export async function compareLedger(work: Work): Promise<void> {
  const { partitionId, hotWallet } = work;
  if (work.progress().watchId === BEFORE_ALL_ADDRESSES) {
    const wallet =
      hotWallet === null ? [] : [await watchedWallet(work.pool, partitionId, hotWallet)];
    await compareAddresses(work, wallet, HOT_WALLET_DONE);
  }
  for (;;) {
    const { watchId } = work.progress();
    let listed = await work.read((tx) => addressesAfter(tx, partitionId, watchId, QUESTION));
    if (listed.length === 0) return;
    while (listed.length > 0) {
      const asked = asManyAsFit(listed);
      await compareAddresses(work, asked, asked.at(-1)?.watchId ?? watchId);
      listed = listed.slice(asked.length);
    }
  }
}

/** Those at some addresses only. */
export async function compareLedgerAt(work: Work, addresses: readonly string[]): Promise<void> {
  const { partitionId, hotWallet } = work;
  for (let from = 0; from < addresses.length; from += QUESTION.addresses) {
    const some = addresses.slice(from, from + QUESTION.addresses);
    const watched = await work.read((tx) => watchedAmong(tx, partitionId, hotWallet, some));
    await compareAddresses(work, [...watched.values()], BEFORE_ALL_ADDRESSES);
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

async function compareAddresses(
  work: Work,
  asked: readonly WatchedAddress[],
  watchId: string,
): Promise<void> {
  const watched = new Map(asked.map((one) => [one.address, one]));
  const { at, hotWallet, confirmationsHeld } = work;
  const surroundings = { height: at.height, hotWallet, confirmationsHeld, watched };
  const answer = asked.length === 0 ? [] : await work.questions.atAddresses([...watched.keys()]);
  for (let from = 0; from < answer.length; from += LOOKUP_OUTPUTS) {
    const some = answer.slice(from, from + LOOKUP_OUTPUTS).map(fromLedger);
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
  const references = unspent.map(({ reference }) => reference);
  const { odd, known } = await work.read(async (tx) => {
    const unheld = await notHeld(tx, work.partitionId, work.at.height, references);
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
  { partitionId, at }: Work,
  references: readonly OutputReference[],
): Promise<(reference: OutputReference) => Known> {
  if (references.length === 0) return () => NOTHING;
  const found = await recordedAmong(db, partitionId, at.height, references);
  const lacking = references.filter((reference) => !found.has(reference));
  const none: ReadonlyMap<OutputReference, Recorded> = new Map();
  const above =
    lacking.length === 0 ? none : await recordedAmong(db, partitionId, ABOVE_ALL, lacking);
  const elsewhere = await recordedElsewhere(db, partitionId, lacking);
  return (reference) => ({
    recorded: found.get(reference) ?? null,
    recordedAbove: above.get(reference) ?? null,
    elsewhere: elsewhere.has(reference),
  });
}
