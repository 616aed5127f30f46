import type pg from 'pg';
import { inTransaction } from '../../../src/database/transaction.js';
import {
  acceptSeals,
  type OutsideNotes,
  type SealsCheck,
  verifySeals,
} from '../../../src/reconcile/seals/check-seals.js';
import { atOnce } from '../../support/sealed-tables.js';
import type { World } from '../state.js';
import { notAsLeft, untoldOf } from './lost-seals.js';

const SHOWN = 5;

/** What seals cover is what was sealed, once, and what was seen of them stays; empty when all is well. */
export async function sealViolations(world: World): Promise<string[]> {
  const { pool, sealing, tally } = world;
  // Another hand changed the ledger. Once the books are healed a person answers for what is there.
  if (world.corrupted === null && sealing.acceptedAfter !== tally.corruptions) {
    await acceptWhatDiffers(world);
    sealing.acceptedAfter = tally.corruptions;
  }
  const check = await verifySeals(pool, sealing.notes, SHOWN, atOnce);
  const found: string[] = [
    ...check.changed.shown
      .filter(({ chain }) => chain === 'audit' || world.corrupted === null)
      .map((one) => `${one.chain}: rows of seal ${one.seal} changed: ${JSON.stringify(one)}`),
    ...check.broken.shown.map((one) => `${one.chain}: seal ${one.seal} doesn't follow`),
    ...notAsLeft(check, sealing.lost).map(
      ({ chain, seal, noted, stored }) => `${chain}: seal ${seal} was ${noted} and is ${stored}`,
    ),
  ];
  if (sealing.lost !== null) found.push(...(await untoldOf(world, sealing.lost)));
  for (const { chain, rows_total: total, rows } of await countSealed(pool)) {
    // Rows that another hand took away are missed there.
    if (total === rows || (chain === 'ledger' && tally.corruptions > 0)) continue;
    found.push(`${chain}: ${total} rows are sealed, ${rows} are there`);
  }
  sealing.notes = headsOf(check);
  return found;
}

const headsOf = ({ chains }: SealsCheck): OutsideNotes =>
  Object.fromEntries(chains.map(({ chain, seal, hash }) => [chain, { seal, hash }]));

/** Seals of before are those of the database that is there now. */
export async function noteSeals({ pool, sealing }: World): Promise<void> {
  sealing.lost = null;
  sealing.notes = headsOf(await verifySeals(pool, {}, 0, atOnce));
  // What had been accepted since is forgotten with it.
  sealing.acceptedAfter = -1;
}

/** A person answers for what is there. @returns how many sealed stretches of the ledger that were */
export async function acceptWhatDiffers({ pool, tally }: World): Promise<number> {
  const { changed } = await verifySeals(pool, {}, 1_000, atOnce);
  const seals = changed.shown.filter(({ chain }) => chain === 'ledger');
  if (seals.length > 0) {
    await inTransaction(pool, (tx) =>
      acceptSeals(tx, new Date(), seals, 'operator:sim', 'healed after another hand'),
    );
  }
  tally.sealsAccepted += seals.length;
  return seals.length;
}

/** Independent of ranges: what the last seal says it covers, and what lies up to there. */
const SEALED = `
  select h.chain, h.rows_total::int,
         (case h.chain
            when 'ledger' then (select count(*) from balance_transactions where id <= h.last_id)
            else (select count(*) from audit_log where id <= h.last_id) end)::int as rows
    from (select distinct on (chain) chain, last_id, rows_total from seals order by chain, seal desc) h`;

const countSealed = async (pool: pg.Pool) =>
  (await pool.query<{ chain: string; rows_total: number; rows: number }>(SEALED)).rows;

const UNSEALED = `
  select (select count(*) from balance_transactions
           where id > coalesce((select max(last_id) from seals where chain = 'ledger'), 0))
       + (select count(*) from audit_log
           where id > coalesce((select max(last_id) from seals where chain = 'audit'), 0)) as rows`;

/** Rows that no seal covers yet. */
export const countUnsealed = async (pool: pg.Pool): Promise<number> =>
  Number((await pool.query<{ rows: string }>(UNSEALED)).rows[0]?.rows);
