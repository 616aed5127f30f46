import type { Block, OutputReference } from '../../chain/block.js';
import { outputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';
import { checkDigest, type Stretch } from '../../payments/digest/check-digest.js';
import type { LinkedBlock } from '../../sync/events.js';
import { contentOf } from '../compare/block-evidence.js';
import { countedAboveAmong } from '../compare/counting-queries.js';
import { judgeBlocks } from '../compare/judge-blocks.js';
import type { Suspect } from '../compare/judge-outputs.js';
import { type Recorded, recordedAmong } from '../compare/recorded-queries.js';
import { digestAboveCursor } from '../heal/digest-above.js';
import type { ChainOutput } from '../model/finding.js';
import { startHeight, type WatchedAddress, watchedAmong } from './address-queries.js';
import { expectOurs, readBlocks } from './block-reading.js';
import { storeSuspects } from './discrepancy-queries.js';
import { recordedElsewhere } from './recorded-elsewhere-queries.js';
import type { Work } from './run-work.js';

/** Blocks of all differing stretches together that are compared row by row. */
const BLOCKS_MAX = 500_000;
const LOOKUP = 5_000;

/** Whether a run holds all rows of these stretches against their blocks. */
export const areCompared = (stretches: readonly Stretch[]): boolean =>
  stretches.reduce((blocks, stretch) => blocks + blocksOf(stretch), 0) <= BLOCKS_MAX;

const blocksOf = ({ above, upTo }: Stretch): number => upTo - Math.max(-1, above);

/**
 * The digest tells which blocks' rows were changed by another hand, spent outputs among them, which no
 * ledger holds any more. These are compared with their blocks.
 */
export async function compareDigest(work: Work): Promise<void> {
  const { partitionId, at } = work;
  const { differing } = await work.read((tx) => checkDigest(tx, partitionId, at.height));
  const problems: string[] = [];
  let blocks = 0;
  for (const stretch of differing) {
    blocks += blocksOf(stretch);
    const found = blocks > BLOCKS_MAX ? null : await compareStretch(work, stretch);
    if (found === 0) problems.push(`${shown(stretch)}: the tables equal the blocks`);
    if (found === null) problems.push(`${shown(stretch)}: too many blocks to be compared`);
  }
  const differs = problems.length === 0 ? [] : [`${DIFFERS} (${problems.join('; ')})`];
  const lowest = await work.read((tx) => digestAboveCursor(tx, partitionId));
  const goesBeyond = lowest === null ? [] : [beyond(lowest)];
  const problem = [...differs, ...goesBeyond].join('; ');
  await work.commit({ problem: problem === '' ? null : problem, differing });
}

const DIFFERS =
  'the state digest differs and no single output explains it: run `teller rebuild --from origin --dry-run`';
const beyond = (height: string): string =>
  `the state digest tells of height ${height} above the cursor, where no block was followed: ` +
  '`teller reconcile --repair` takes that away';
const shown = ({ above, upTo }: Stretch): string => `blocks ${Math.max(-1, above) + 1} to ${upTo}`;

/** @returns how many outputs have to be looked into */
async function compareStretch(work: Work, { above, upTo }: Stretch): Promise<number> {
  const followedAbove = (await startHeight(work.pool, work.partitionId)) ?? -1;
  let from = Math.max(above, followedAbove);
  const to = Math.min(upTo, work.at.height);
  let found = 0;
  if (from >= to) return found;
  for await (const blocks of readBlocks(work, from, to)) {
    const last = blocks.at(-1);
    if (last === undefined) continue;
    await expectOurs(work, last);
    const suspects = await compareBlocks(work, blocks, from, last.block.height, followedAbove);
    found += suspects.length;
    if (suspects.length > 0) {
      await work.commit({}, 0, (tx) => storeSuspects(tx, work.runId, suspects));
    }
    from = last.block.height;
  }
  return found;
}

async function compareBlocks(
  work: Work,
  blocks: readonly LinkedBlock<Block>[],
  above: number,
  upTo: number,
  followedAbove: number,
): Promise<Suspect[]> {
  const watched = await watchedIn(work, blocks);
  const { outputs: made, spends } = contentOf(blocks, {
    output: (_reference, address) => watched.has(address),
    spend: () => true,
  });
  const outputs = await thatCount(work, made, watched, followedAbove);
  const { recorded, elsewhere } = await work.read(async (tx) => {
    const named = await referencesOfHeights(tx, work.partitionId, above, upTo);
    const wanted = [...outputs.map(({ reference }) => reference), ...spends.keys(), ...named];
    return lookUp(tx, work, [...new Set(wanted)], outputs);
  });
  const own = outputs.filter(({ reference }) => !elsewhere.has(reference));
  const { hotWallet } = work;
  return judgeBlocks({ above, upTo, outputs: own, spends, recorded, hotWallet });
}

async function watchedIn(
  { pool, partitionId, hotWallet }: Work,
  blocks: readonly LinkedBlock<Block>[],
): Promise<Map<string, WatchedAddress>> {
  const paid = blocks.flatMap(({ block }) =>
    block.transactions.flatMap(({ outputs }) => outputs.map(({ address }) => address)),
  );
  return watchedAmong(pool, partitionId, hotWallet, [...new Set(paid)]);
}

async function thatCount(
  { pool, partitionId, hotWallet, at }: Work,
  made: readonly ChainOutput[],
  watched: ReadonlyMap<string, WatchedAddress>,
  followedAbove: number,
): Promise<ChainOutput[]> {
  const counted = await countedAboveAmong(pool, partitionId, [...watched.keys()], at.height);
  return made.filter(({ address, placement }) => {
    if (!watched.has(address) || placement === null) return false;
    const above = address === hotWallet ? undefined : counted.get(address);
    return placement.height > (above ?? followedAbove);
  });
}

async function lookUp(
  db: Queryable,
  { partitionId, at }: Work,
  references: readonly OutputReference[],
  outputs: readonly ChainOutput[],
) {
  const recorded: Recorded[] = [];
  for (let from = 0; from < references.length; from += LOOKUP) {
    const some = references.slice(from, from + LOOKUP);
    recorded.push(...(await recordedAmong(db, partitionId, at.height, some)));
  }
  const known = new Set(recorded.map(({ reference }) => reference));
  const lacking = outputs.flatMap(({ reference }) => (known.has(reference) ? [] : [reference]));
  return { recorded, elsewhere: await recordedElsewhere(db, partitionId, lacking) };
}

const OF_HEIGHTS = `
  select tx_hash, output_index from incoming_payments
   where partition_id = $1 and (block_height > $2 and block_height <= $3)
  union
  select tx_hash, output_index from incoming_payments
   where partition_id = $1 and (spent_height > $2 and spent_height <= $3)
  union
  select tx_hash, output_index from wallet_outputs
   where partition_id = $1 and (block_height > $2 and block_height <= $3)
  union
  select tx_hash, output_index from wallet_outputs
   where partition_id = $1 and (spent_height > $2 and spent_height <= $3)`;

/** Rows that say they were made or spent there. */
async function referencesOfHeights(
  db: Queryable,
  partitionId: number,
  above: number,
  upTo: number,
): Promise<OutputReference[]> {
  type Row = { tx_hash: string; output_index: number };
  const { rows } = await db.query<Row>(OF_HEIGHTS, [partitionId, above, upTo]);
  return rows.map((row) => outputReference(row.tx_hash, row.output_index));
}
