import type { Tx } from '../../database/transaction.js';
import type { Header } from '../../sync/queries.js';
import { readHeaderGap } from '../compare/header-queries.js';
import type { HeaderGap } from '../compare/judge-headers.js';
import type { Correcting } from './behind-ledger.js';
import { replaceHeaders } from './header-queries.js';
import { auditHealing } from './store-queries.js';

/**
 * Puts headers back that were read down from one that the books still hold. Where that one was rolled back
 * meanwhile nothing is written.
 *
 * @returns how many there are now that weren't there
 */
export async function restoreHeaders(
  tx: Tx,
  at: Date,
  { partitionId, actor, cause }: Correcting,
  found: HeaderGap,
  headers: readonly Header[],
): Promise<number> {
  const now = await readHeaderGap(tx, partitionId);
  if (now?.below.hash !== found.below.hash) return 0;
  const { removed, stored } = await replaceHeaders(tx, partitionId, headers);
  if (removed.length === 0 && stored.length === 0) return 0;
  const details = {
    cause,
    from: headers[0]?.height,
    upTo: found.below.height,
    restored: stored.length,
    removed: removed.slice(0, SHOWN_MAX),
    removedCount: removed.length,
  };
  await auditHealing(tx, at, actor, [
    { action: 'headers.restored', entityType: 'blocks', entityId: `${partitionId}`, details },
  ]);
  return stored.length;
}

/** Of what was removed, in the audit log. */
const SHOWN_MAX = 100;
