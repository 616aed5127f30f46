import type { Tx } from '../database/transaction.js';
import { BooksContradict } from './contradiction.js';
import { type AdvancedSequence, mendSequences } from './mend-sequences.js';
import type { Term } from './queries.js';

const LAST_EPOCH = '9223372036854775807';
const BEGIN_TERM = `
  update sync_state set leader_epoch = leader_epoch + 1, leader_token = gen_random_uuid(), updated_at = now()
   where partition_id = $1 and network = $2 and total_partitions = $3
     and leader_epoch < ${LAST_EPOCH}
  returning leader_epoch, leader_token`;

const READ_IDENTITY = `
  select network, total_partitions, leader_epoch = ${LAST_EPOCH} as exhausted
    from sync_state where partition_id = $1`;

export type BegunTerm = Term & { readonly advanced: readonly AdvancedSequence[] };
export type Refused = { readonly refused: string };

/** @throws BooksContradict where no epoch is left */
export async function takeTerm(
  tx: Tx,
  partitionId: number,
  totalPartitions: number,
  network: string,
): Promise<BegunTerm | Refused> {
  type Row = { leader_epoch: string; leader_token: string };
  const { rows } = await tx.query<Row>(BEGIN_TERM, [partitionId, network, totalPartitions]);
  const [row] = rows;
  if (row === undefined) return refuse(tx, partitionId, totalPartitions, network);
  const epoch = BigInt(row.leader_epoch);
  return { partitionId, epoch, token: row.leader_token, advanced: await mendSequences(tx) };
}

async function refuse(
  tx: Tx,
  partitionId: number,
  totalPartitions: number,
  network: string,
): Promise<Refused> {
  type Identity = { network: string; total_partitions: number; exhausted: boolean };
  const { rows } = await tx.query<Identity>(READ_IDENTITY, [partitionId]);
  const [stored] = rows;
  if (stored?.network === network && stored.total_partitions === totalPartitions) {
    if (stored.exhausted) throw new BooksContradict([EPOCH_FOUND], EPOCH_REMEDY);
    throw new Error('sync_state was changed while a term began');
  }
  return {
    refused:
      `this database follows NETWORK=${stored?.network ?? '?'} in ${stored?.total_partitions ?? '?'} ` +
      `partitions; this instance is set to NETWORK=${network} in ${totalPartitions}`,
  };
}

const EPOCH_FOUND = `leader_epoch in sync_state is ${LAST_EPOCH}, and no later term can begin`;
const EPOCH_REMEDY =
  'Another hand wrote it: stop every instance, `update sync_state set leader_epoch = 1, leader_token = null`, ' +
  'and start them again.';
