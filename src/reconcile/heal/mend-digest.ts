import type { Queryable, Tx } from '../../database/transaction.js';
import { type DigestAt, readDigest } from '../../payments/digest/digest-queries.js';
import { linkDigest } from '../../payments/digest/facts.js';
import { recompute, rewriteDigests } from '../../payments/digest/recompute.js';
import type { HealContext } from './context.js';
import type { Stretch } from './proven-queries.js';
import { auditHealing } from './store-queries.js';

/** Between stretches that are folded as one: blocks wait for as long. */
const SOUND_BLOCKS_MAX = 10_000;

type Mended = Stretch & { readonly rows: number; readonly provenBy: DigestAt };

type Unproven = {
  readonly above: number;
  readonly upTo: number;
  readonly folded: DigestAt;
  /** Of its blocks, how many lie between its stretches. */
  readonly sound: number;
};

/**
 * Makes rows of the digest again that another hand changed or took away, where the digest itself proves them:
 * the tables' facts, folded onto what is stored below, give what is stored at the end of a stretch. All above
 * stays as it is. From a stretch that nothing proves the fold goes on: what is stored there may be wrong, and
 * nothing may be folded onto it. Where the next one is far above, all from there on is left as it is.
 *
 * @param differing by height
 * @returns how many rows became others
 */
export async function mendDigest(
  tx: Tx,
  at: Date,
  { partitionId, actor, cause }: Pick<HealContext, 'partitionId' | 'actor' | 'cause'>,
  differing: readonly Stretch[],
): Promise<number> {
  const mended: Mended[] = [];
  let unproven: Unproven | null = null;
  for (const stretch of differing) {
    const { upTo } = stretch;
    const sound: number = unproven === null ? 0 : unproven.sound + stretch.above - unproven.upTo;
    if (sound > SOUND_BLOCKS_MAX) break;
    const from: DigestAt = unproven?.folded ?? (await readDigest(tx, partitionId, stretch.above));
    const above: number = unproven?.above ?? from.height;
    const folded = await fold(tx, partitionId, from, upTo);
    const stored = await readDigest(tx, partitionId, upTo);
    const isProven = stored.height > above && stored.digest === folded.digest;
    unproven = isProven ? null : { above, upTo, folded, sound };
    if (!isProven) continue;
    const rows = await rewriteDigests(tx, partitionId, above + 1, upTo);
    if (rows > 0) mended.push({ above, upTo, rows, provenBy: stored });
  }
  if (mended.length === 0) return 0;
  const details = { cause, stretches: mended };
  await auditHealing(tx, at, actor, [
    { action: 'digest.corrected', entityType: 'state_digest', entityId: `${partitionId}`, details },
  ]);
  return mended.reduce((sum, { rows }) => sum + rows, 0);
}

/** What the tables make of the digest after a height. */
async function fold(
  db: Queryable,
  partitionId: number,
  { height: above, digest: before }: DigestAt,
  upTo: number,
): Promise<DigestAt> {
  let [height, digest] = [above, before];
  for await (const sum of recompute(db, partitionId, { above, upTo })) {
    digest = linkDigest(digest, sum.height, sum);
    height = sum.height;
  }
  return { height, digest };
}
