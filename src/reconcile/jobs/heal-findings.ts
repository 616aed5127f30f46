import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import type { HealContext } from '../heal/context.js';
import { heal } from '../heal/heal.js';
import type { Finding, HealedFinding } from '../model/finding.js';
import { closeHealed } from './repair-queries.js';

const HEAL_PAGE = 5_000;

/** All that was found of one output is healed together, and what became of each is noted with its run. */
export async function healFindings(
  tx: Tx,
  at: Date,
  context: HealContext,
  runId: string,
  findings: readonly Finding[],
  hotWallet: string | null,
): Promise<HealedFinding[]> {
  const groups = new Map<OutputReference, Finding[]>();
  for (const one of findings) {
    const group = groups.get(one.reference);
    if (group === undefined) groups.set(one.reference, [one]);
    else group.push(one);
  }
  const all: HealedFinding[] = [];
  let next: Finding[] = [];
  const healNext = async (): Promise<void> => {
    if (next.length === 0) return;
    const healed = await heal(tx, at, context, next, hotWallet);
    await closeHealed(tx, at, runId, context, healed);
    all.push(...healed);
    next = [];
  };
  for (const group of groups.values()) {
    next.push(...group);
    if (next.length >= HEAL_PAGE) await healNext();
  }
  await healNext();
  return all;
}
