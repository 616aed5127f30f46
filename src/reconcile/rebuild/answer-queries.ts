import type { OutputReference } from '../../chain/block.js';
import type { Tx } from '../../database/transaction.js';
import type { Candidate } from './candidate.js';
import type { LedgerRow } from './candidate-pages.js';

const NOTE = `
  update rebuild_candidates k set asked = true, ledger = a.ledger
    from unnest($3::text[], $4::int[], $5::jsonb[]) as a (tx_hash, output_index, ledger)
   where k.job_id = $1 and k.kind = $2 and k.tx_hash = a.tx_hash and k.output_index = a.output_index`;
const DROP = `
  delete from rebuild_candidates k using unnest($3::text[], $4::int[]) as a (tx_hash, output_index)
   where k.job_id = $1 and k.kind = $2 and k.tx_hash = a.tx_hash and k.output_index = a.output_index`;

const parts = (references: readonly OutputReference[]): [string[], number[]] => {
  const split = references.map((reference) => reference.split('#'));
  return [split.map(([txHash = '']) => txHash), split.map(([, index]) => Number(index))];
};

export const noteAnswers = (
  tx: Tx,
  jobId: string,
  kind: Candidate['kind'],
  references: readonly OutputReference[],
  answer: (reference: OutputReference) => LedgerRow | null,
) =>
  tx.query(NOTE, [
    jobId,
    kind,
    ...parts(references),
    references.map((reference) => {
      const found = answer(reference);
      return found === null ? null : JSON.stringify(found);
    }),
  ]);

export const dropCandidates = (
  tx: Tx,
  jobId: string,
  kind: Candidate['kind'],
  references: readonly OutputReference[],
) => tx.query(DROP, [jobId, kind, ...parts(references)]);
