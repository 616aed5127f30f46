import type { Block, OutputReference } from '../../chain/block.js';
import { outputReference } from '../../chain/block.js';
import type { Queryable } from '../../database/transaction.js';
import { checkDigest, type Stretch } from '../../payments/digest/check-digest.js';
import { storedDigests } from '../../payments/digest/digest-queries.js';
import { recompute } from '../../payments/digest/recompute.js';
import type { LinkedBlock } from '../../sync/events.js';
import { areAddressesAbsent } from '../compare/absent-queries.js';
import { readBeginnings } from '../compare/beginning-queries.js';
import { contentOf } from '../compare/block-evidence.js';
import { countedAboveAmong } from '../compare/counting-queries.js';
import { judgeBlocks } from '../compare/judge-blocks.js';
import { isHeld, type Suspect } from '../compare/judge-outputs.js';
import { type Recorded, recordedAmong } from '../compare/recorded-queries.js';
import { digestAboveCursor } from '../heal/digest-above.js';
import { type Misdated, readMisdated } from '../heal/misdated.js';
import type { ChainOutput, RecordedOutput } from '../model/finding.js';
import { startHeight, type WatchedAddress, watchedAmong } from './address-queries.js';
import { expectOurs, readBlocks } from './block-reading.js';
import { missedBefore, namedAmong, storeSuspects } from './discrepancy-queries.js';
import { recordedElsewhere } from './recorded-elsewhere-queries.js';
import type { Work } from './run-work.js';

/** Blocks of all differing stretches together that are compared row by row. */
const BLOCKS_MAX = 500_000;
const LOOKUP = 5_000;

const blocksOf = ({ above, upTo }: Stretch): number => upTo - Math.max(-1, above);

/**
 * The digest tells which blocks' rows were changed by another hand, spent outputs among them, which no
 * ledger holds any more. These are compared with their blocks.
 */
export async function compareDigest(work: Work): Promise<void> {
  const { partitionId, at } = work;
  const { differing, misdated } = await work.read(async (tx) => ({
    ...(await checkDigest(tx, partitionId, at.height)),
    misdated: await readMisdated(tx, partitionId, null),
  }));
  const followedAbove = (await startHeight(work.pool, partitionId)) ?? -1;
  const problems: { readonly at: string; readonly says: string }[] = [];
  let blocks = 0;
  let isDigestCompared = true;
  for (const stretch of differing) {
    blocks += blocksOf(stretch);
    const outcome =
      blocks > BLOCKS_MAX ? TOO_MANY : await compareStretch(work, stretch, followedAbove);
    isDigestCompared &&= outcome.isWhole;
    const isExplained = outcome.found > 0 || misdated.some((one) => isOf(one, stretch));
    if (!isExplained) problems.push({ at: shown(stretch), says: outcome.says });
  }
  const differs = problems.length === 0 ? [] : [await inWords(work, problems)];
  const lowest = await work.read((tx) => digestAboveCursor(tx, partitionId));
  const goesBeyond = lowest === null ? [] : [beyond(lowest)];
  const problem = [...differs, ...goesBeyond].join('; ');
  await work.commit({ problem: problem === '' ? null : problem, differing, isDigestCompared });
}

/** Of a comparison and of a repair alike. */
export const DIGEST_DIFFERS =
  'the state digest differs and no single output explains it: `teller rebuild --from origin` heals it where ' +
  '`teller reconcile --repair` cannot prove what it was';
const WHERE_ABSENT =
  'the state digest differs where addresses may be what was changed: some are missing from the books, or count from ' +
  'elsewhere than the audit log says. Put back what is missing by `teller address add`, then run ' +
  '`teller reconcile --repair`: only then it shows whether anything else was changed';

/** Where addresses aren't as they were registered the tables lack what was paid there, and the digest is right. */
async function inWords(
  work: Work,
  problems: readonly { readonly at: string; readonly says: string }[],
): Promise<string> {
  const isAbsent = await work.read(
    async (tx) =>
      (await areAddressesAbsent(tx, work.hotWallet)) ||
      (await readBeginnings(tx, work.partitionId, null)).length > 0,
  );
  return isAbsent
    ? `${WHERE_ABSENT} (${problems.map(({ at }) => at).join('; ')})`
    : `${DIGEST_DIFFERS} (${problems.map(({ at, says }) => `${at}: ${says}`).join('; ')})`;
}

const beyond = (height: string): string =>
  `the state digest tells of height ${height} above the cursor, where no block was followed: ` +
  '`teller reconcile --repair` takes that away';
const shown = ({ above, upTo }: Stretch): string => `blocks ${Math.max(-1, above) + 1} to ${upTo}`;

const isOf = ({ countedFrom, askedAt }: Misdated, { above, upTo }: Stretch): boolean =>
  [countedFrom, askedAt].some((at) => at !== null && at > above && at <= upTo);

/** What came of holding the rows of a stretch against blocks. */
type Outcome = {
  /** How many outputs have to be looked into. */
  readonly found: number;
  /** Whether all that tables and digest have there was compared. */
  readonly isWhole: boolean;
  /** Why the digest differs, where nothing was found. */
  readonly says: string;
};

const TOO_MANY = { found: 0, isWhole: false, says: 'too many blocks to be compared' };
const EQUAL = {
  isWhole: true,
  says: 'the tables equal the blocks, so it is the digest that was changed',
};
const BELOW = { isWhole: false, says: 'what was there before the first block is in no block' };

async function compareStretch(
  work: Work,
  { above, upTo }: Stretch,
  followedAbove: number,
): Promise<Outcome> {
  const { partitionId, at } = work;
  const below = { above, upTo: Math.min(upTo, followedAbove) };
  const goesBelow =
    above < followedAbove && (await work.read((tx) => isTold(tx, partitionId, below)));
  const found = await compareFollowed(
    work,
    { above: Math.max(above, followedAbove), upTo: Math.min(upTo, at.height) },
    followedAbove,
  );
  const before = found > 0 ? 0 : await missedBefore(work.pool, work.runId, { above, upTo });
  return { ...(goesBelow ? BELOW : EQUAL), found: found + before };
}

/** Whether digest or tables have anything there: a ledger may have told of it, or another hand. */
async function isTold(db: Queryable, partitionId: number, stretch: Stretch): Promise<boolean> {
  const { above, upTo } = stretch;
  for await (const { facts } of storedDigests(db, partitionId, upTo, above))
    if (facts > 0) return true;
  const { done: hasNone } = await recompute(db, partitionId, stretch).next();
  return hasNone !== true;
}

async function compareFollowed(
  work: Work,
  { above, upTo }: Stretch,
  followedAbove: number,
): Promise<number> {
  let from = above;
  let found = 0;
  if (from >= upTo) return found;
  for await (const blocks of readBlocks(work, from, upTo)) {
    const last = blocks.at(-1);
    if (last === undefined) continue;
    await expectOurs(work, last);
    const { suspects, spent } = await compareBlocks(
      work,
      blocks,
      from,
      last.block.height,
      followedAbove,
    );
    // What the run knows to be missing lacks its spend as well.
    const named = await namedAmong(work.pool, work.runId, spent);
    found += suspects.length + named.size;
    if (suspects.length > 0) await storeTaken(work, suspects);
    from = last.block.height;
  }
  return found;
}

/** What was taken to agree until now doesn't count as that any more. */
export async function storeTaken(work: Work, suspects: readonly Suspect[]): Promise<void> {
  const counted = suspects.flatMap(({ reference, recorded }) =>
    recorded !== null && isHeld(recorded) && isCounted(work, recorded) ? [reference] : [],
  );
  const named = await namedAmong(work.pool, work.runId, counted);
  const taken = new Set(counted.filter((reference) => !named.has(reference))).size;
  const matched = work.progress().matched - taken;
  await work.commit({ matched }, 0, (tx) => storeSuspects(tx, work.runId, suspects));
}

/** Outputs of an address that was the hot wallet before are none of a run's. */
export const isCounted = ({ hotWallet }: Work, { kind, address }: RecordedOutput): boolean =>
  kind === 'payment' || address === hotWallet;

async function compareBlocks(
  work: Work,
  blocks: readonly LinkedBlock<Block>[],
  above: number,
  upTo: number,
  followedAbove: number,
): Promise<{ readonly suspects: Suspect[]; readonly spent: readonly OutputReference[] }> {
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
  const suspects = judgeBlocks({ above, upTo, outputs: own, spends, recorded, hotWallet });
  return { suspects, spent: [...spends.keys()] };
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
   where partition_id = $1 and (counted_from > $2 and counted_from <= $3)
  union
  select tx_hash, output_index from incoming_payments
   where partition_id = $1 and (spent_height > $2 and spent_height <= $3)
  union
  select tx_hash, output_index from wallet_outputs
   where partition_id = $1 and (block_height > $2 and block_height <= $3)
  union
  select tx_hash, output_index from wallet_outputs
   where partition_id = $1 and (counted_from > $2 and counted_from <= $3)
  union
  select tx_hash, output_index from wallet_outputs
   where partition_id = $1 and (spent_height > $2 and spent_height <= $3)`;

/** Rows that say they were made or spent there, or that its ledger told of them. */
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
