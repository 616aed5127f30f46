import { expect, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { ANN, followedBooks, register } from '../../../test/support/reconciling.js';
import { BooksContradict } from '../../sync/contradiction.js';

const { copyBooks } = await followedBooks();
const NEW = enterpriseAddress(77);

/** Books that another hand changed, where their cursor was, and from where an address counts. */
async function changedBooks(changes: readonly string[]) {
  const { pool } = await copyBooks();
  const { rows } = await pool.query<{ height: number }>(
    'select last_block_height::int as height from sync_state',
  );
  for (const sql of changes) await pool.query(sql);
  const countsFrom = async (address: string): Promise<number | undefined> =>
    (
      await pool.query<{ height: number }>(
        'select watched_from::int as height from payment_addresses where address = $1',
        [address],
      )
    ).rows[0]?.height;
  return { pool, height: rows[0]?.height, countsFrom };
}

const NO_HEADERS = 'delete from blocks; delete from block_checkpoints';
const TO_ORIGIN =
  'update sync_state set last_block_hash = null, last_slot = null, last_block_height = null';
const BACK = `
  update sync_state s set last_slot = b.slot, last_block_hash = b.hash, last_block_height = b.height
    from blocks b where b.height = s.last_block_height - 5 and not b.boundary`;

test.each([
  ['as it was left', []],
  ['raised', ['update sync_state set last_block_height = last_block_height + 7']],
  ['lowered', ['update sync_state set last_block_height = last_block_height - 1']],
  ['without a height', ['update sync_state set last_block_height = null']],
  [
    'another block',
    [
      `update sync_state set last_block_hash = repeat('ab', 32), last_block_height = last_block_height + 3`,
    ],
  ],
])(
  'by a cursor that is %s and is found again, an address counts from the last block',
  async (_what, changes) => {
    const { pool, height, countsFrom } = await changedBooks(changes);
    await register(pool, 'new', [NEW]);
    expect(await countsFrom(NEW)).toBe(height);
  },
);

test.each([
  ['lost', [NO_HEADERS, 'delete from sync_state']],
  ['said not to be chosen yet', ['update sync_state set started = false']],
  ['said to be the origin', [TO_ORIGIN]],
  ['set back', [BACK]],
  [
    'set back with its headers',
    [BACK, 'delete from blocks where height > (select last_block_height from sync_state)'],
  ],
])(
  'by a cursor that is %s nobody knows from where a new address counts: none is registered',
  async (_what, changes) => {
    const { pool, countsFrom } = await changedBooks(changes);
    await expect(register(pool, 'new', [NEW])).rejects.toBeInstanceOf(BooksContradict);
    expect(await countsFrom(NEW)).toBeUndefined();
    // Of what is registered the same again changes nothing.
    await register(pool, 'ann', ANN);
  },
);
