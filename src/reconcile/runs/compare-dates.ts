import { isHeld } from '../compare/judge-outputs.js';
import { recordedAmong } from '../compare/recorded-queries.js';
import { explainOwners } from '../compare/registration-queries.js';
import { misdatedAs, readMisdated } from '../heal/misdated.js';
import { isCounted } from './compare-digest.js';
import { sameOnChain } from './compare-statuses.js';
import { namedAmong, storeFindings } from './discrepancy-queries.js';
import type { Work } from './run-work.js';

const ABOVE_ALL = Number.MAX_SAFE_INTEGER;

/**
 * From when on what no block brought counts, which neither blocks nor ledger tell. Of what is named already
 * whoever heals it sees to that too.
 *
 * @param addresses null for all
 */
export async function compareDates(work: Work, addresses: readonly string[] | null): Promise<void> {
  const { partitionId, at } = work;
  const { misdated, rows } = await work.read(async (tx) => {
    const misdated = await readMisdated(tx, partitionId, addresses);
    const references = misdated.map(({ reference }) => reference);
    return { misdated, rows: await recordedAmong(tx, partitionId, ABOVE_ALL, references) };
  });
  if (misdated.length === 0) return;
  const named = await namedAmong(
    work.pool,
    work.runId,
    misdated.map(({ reference }) => reference),
  );
  const found = misdated.flatMap((one) => {
    const row = rows.find(
      ({ kind, reference }) => kind === one.kind && reference === one.reference,
    );
    if (row === undefined || named.has(one.reference) || !isCounted(work, row)) return [];
    // What happened above the point isn't compared.
    const recorded = (row.spent?.height ?? 0) > at.height ? { ...row, spent: null } : row;
    return [{ recorded, finding: misdatedAs(recorded, sameOnChain(recorded), one) }];
  });
  const taken = found.filter(({ recorded }) => isHeld(recorded)).length;
  const findings = await explainOwners(
    work.pool,
    partitionId,
    found.map(({ finding }) => finding),
  );
  const matched = work.progress().matched - taken;
  await work.commit({ matched }, 0, (tx) => storeFindings(tx, work.runId, findings));
}
