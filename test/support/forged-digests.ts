import type pg from 'pg';
import { readDigest, storedDigests } from '../../src/payments/digest/digest-queries.js';
import { linkDigest } from '../../src/payments/digest/facts.js';

/** Links rows of the state digest above a height to what is stored there, as if that were the truth. */
export async function linkAbove(
  pool: pg.Pool,
  height: number,
  rows: number = Number.POSITIVE_INFINITY,
): Promise<void> {
  let { digest } = await readDigest(pool, 0, height);
  let left = rows;
  for await (const row of storedDigests(pool, 0, Number.MAX_SAFE_INTEGER, height)) {
    if (left === 0) return;
    left -= 1;
    digest = linkDigest(digest, row.height, row);
    const store = 'update state_digests set digest = $1 where height = $2';
    await pool.query(store, [digest, row.height]);
  }
}
