import type { OutputReference } from '../../chain/block.js';
import { type ChainSpend, contentOf } from '../compare/block-evidence.js';
import { countedAboveAmong } from '../compare/counting-queries.js';
import { type Doubtful, explain, isExplained, lookAbove } from '../compare/explain-suspect.js';
import { fromLedger, isHeld } from '../compare/judge-outputs.js';
import { type Recorded, recordedAmong } from '../compare/recorded-queries.js';
import { explainOwners } from '../compare/registration-queries.js';
import type { ChainOutput, Finding } from '../model/finding.js';
import { startHeight } from './address-queries.js';
import { expectOurs, readBlocks } from './block-reading.js';
import { surroundingsOf } from './compare-recorded.js';
import {
  concludeOutputs,
  giveUpSuspects,
  readSuspects,
  type Suspect,
} from './discrepancy-queries.js';
import { createMeter } from './progress-meter.js';
import type { Work } from './run-work.js';

/** Looked for together: what is known of them is kept in memory. */
const SUSPECTS_MAX = 20_000;
const BATCHES_MAX = 5;
/** Blocks read for them at most: an hour and more of a real node's time. */
const BLOCKS_MAX = 1_000_000;
const LOOKUP_OUTPUTS = 4_000;
const ABOVE_ALL = Number.MAX_SAFE_INTEGER;

/** Looks in blocks for what records and ledger alone can't explain. */
export async function explainDoubts(work: Work): Promise<void> {
  for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
    const suspects = await readSuspects(work.pool, work.runId, SUSPECTS_MAX);
    if (suspects.length === 0) return;
    await explainAll(work, suspects);
  }
  await work.commit({}, 0, (tx) => giveUpSuspects(tx, work.runId, TOO_MANY));
}

const TOO_MANY = 'more outputs differ than are looked for one by one: run `teller rebuild`';

async function explainAll(work: Work, suspects: readonly Suspect[]): Promise<void> {
  const followedAbove = (await startHeight(work.pool, work.partitionId)) ?? -1;
  const doubtful = await withCounting(work, await lookAgain(work, suspects), followedAbove);
  const evidence: Found = { created: new Map(), spent: new Map() };
  const readAbove = await lookForAll(work, doubtful, followedAbove, evidence);
  const surroundings = await surroundingsOf(work.pool, work, [
    ...doubtful.flatMap(({ recorded, besides, onChain }) =>
      [recorded, besides, onChain].flatMap((side) => side?.address ?? []),
    ),
    ...[...evidence.created.values()].map(({ address }) => address),
  ]);
  const findings = doubtful.flatMap((one) =>
    explain(one, evidence, readAbove, followedAbove, surroundings),
  );
  const stored = await explainOwners(work.pool, work.partitionId, findings);
  await work.expectPoint();
  const matched = work.progress().matched + heldAndFound(doubtful, stored);
  await work.commit({ matched }, 0, async (tx) => {
    const references = suspects.map(({ reference }) => reference);
    await concludeOutputs(tx, work.runId, references, stored);
  });
}

/** How many unspent outputs agree after all. */
function heldAndFound(
  doubtful: readonly Pick<Doubtful, 'reference' | 'recorded'>[],
  findings: readonly Finding[],
): number {
  const differing = new Set(findings.map(({ reference }) => reference));
  return doubtful.filter(
    ({ reference, recorded }) => recorded !== null && isHeld(recorded) && !differing.has(reference),
  ).length;
}

type Found = {
  readonly created: Map<OutputReference, ChainOutput>;
  readonly spent: Map<OutputReference, ChainSpend>;
};

/** @returns the height above which all blocks were read; null where all was found before, or none was read */
async function lookForAll(
  work: Work,
  doubtful: readonly Doubtful[],
  followedAbove: number,
  evidence: Found,
): Promise<number | null> {
  const lows = doubtful.map((one) => lookAbove(one, work.at.height));
  const lowest = lows.reduce((low, one) => Math.min(low, one), work.at.height);
  let readAbove: number | null = null;
  // Most are where their rows say; only what isn't there is looked for in all that was followed.
  for (const above of [lowest, followedAbove]) {
    if (readAbove !== null && readAbove <= above) continue;
    const open = doubtful.filter(
      (one) => !isExplained(one, evidence) && (readAbove === null || one.recorded !== null),
    );
    if (open.length === 0 || work.at.height - above > BLOCKS_MAX) continue;
    const wanted = new Map(open.map((one) => [one.reference, one]));
    if (await lookThrough(work, above, wanted, evidence)) readAbove = above;
  }
  return readAbove;
}

/** @returns whether all blocks up to the point were read; false where nothing was left to look for */
async function lookThrough(
  work: Work,
  above: number,
  wanted: Map<OutputReference, Doubtful>,
  evidence: Found,
): Promise<boolean> {
  const { onProgress } = work;
  const tell = createMeter(
    work.at.height - above,
    0,
    () => performance.now(),
    (report) => onProgress?.({ ...report, of: 'blocks' }),
  );
  for await (const blocks of readBlocks(work, above, work.at.height)) {
    tell(blocks.length);
    const content = contentOf(blocks, {
      output: (reference) => wanted.has(reference),
      spend: (reference) => wanted.has(reference),
    });
    for (const output of content.outputs) evidence.created.set(output.reference, output);
    for (const [reference, spend] of content.spends) evidence.spent.set(reference, spend);
    for (const reference of [
      ...content.outputs.map((output) => output.reference),
      ...content.spends.keys(),
    ]) {
      const one = wanted.get(reference);
      if (one !== undefined && isExplained(one, evidence)) wanted.delete(reference);
    }
    const last = blocks.at(-1);
    if (last !== undefined && (wanted.size === 0 || last.block.height === work.at.height)) {
      await expectOurs(work, last);
    }
    if (wanted.size === 0) return false;
  }
  return true;
}

/** The rows as they are now, and what the ledger holds of them. */
async function lookAgain(
  work: Work,
  suspects: readonly Suspect[],
): Promise<Omit<Doubtful, 'countedAbove'>[]> {
  const rows = new Map<OutputReference, Recorded[]>();
  const unspent = new Map<OutputReference, ChainOutput>();
  const { partitionId, at } = work;
  for (let from = 0; from < suspects.length; from += LOOKUP_OUTPUTS) {
    const some = suspects.slice(from, from + LOOKUP_OUTPUTS).map(({ reference }) => reference);
    const found = await work.read(async (tx) => {
      const there = await recordedAmong(tx, partitionId, at.height, some);
      const known = new Set(there.map(({ reference }) => reference));
      const lacking = some.filter((reference) => !known.has(reference));
      return [...there, ...(await recordedAmong(tx, partitionId, ABOVE_ALL, lacking))];
    });
    for (const row of found) rows.set(row.reference, [...(rows.get(row.reference) ?? []), row]);
    for (const output of await work.questions.among(some)) {
      const onChain = fromLedger(output);
      unspent.set(onChain.reference, onChain);
    }
  }
  return suspects.map(({ doubt, reference, onChain }) => {
    const [recorded = null, besides] = rows.get(reference) ?? [];
    const known = merge(unspent.get(reference), onChain);
    return { doubt, reference, recorded, ...(besides && { besides }), onChain: known };
  });
}

/** The ledger knows whether it is unspent; the block that made it may be known already. */
const merge = (unspent: ChainOutput | undefined, known: ChainOutput | null): ChainOutput | null => {
  const placement = known?.placement ?? null;
  if (unspent !== undefined) return { ...unspent, placement };
  return placement === null || known === null ? null : { ...known, spent: 'gone' };
};

/** With the height above which the books must know an output's block. */
async function withCounting(
  work: Work,
  doubtful: readonly Omit<Doubtful, 'countedAbove'>[],
  followedAbove: number,
): Promise<Doubtful[]> {
  const { pool, partitionId, hotWallet, at } = work;
  const addressOf = ({ onChain, recorded }: Omit<Doubtful, 'countedAbove'>): string =>
    (onChain ?? recorded)?.address ?? '';
  const addresses = [...new Set(doubtful.map(addressOf))];
  const counted = await countedAboveAmong(pool, partitionId, addresses, at.height);
  return doubtful.map((one) => {
    const address = addressOf(one);
    const above = address === hotWallet ? undefined : counted.get(address);
    return { ...one, countedAbove: above ?? followedAbove };
  });
}
