import type { Pool } from 'pg';
import { describe, expect, test } from 'vitest';
import {
  ANN,
  CAROL,
  DAVE,
  depsOf,
  followedBooks,
  reconcileFully,
} from '../../../test/support/reconciling.js';
import { HELD, ONE, ROW_CORRUPTIONS } from '../../../test/support/row-corruptions.js';
import { isHeld } from '../compare/judge-outputs.js';
import type { Finding } from '../model/finding.js';
import type { DifferingAddresses } from './address-totals.js';
import { reconcile } from './reconcile.js';

const { net, copyBooks } = await followedBooks();

/** Books of the same chain that may be spoilt. */
async function books() {
  const database = await copyBooks();
  return database.pool;
}

/** Outputs that the books have as unspent: each of them agrees or differs. */
async function heldIn(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select ((select count(*) from incoming_payments where spent_by is null and status <> 'rolled_back')
           + (select count(*) from wallet_outputs where spent_by is null))::int as count`,
  );
  return rows[0]?.count ?? 0;
}

type StoredRun = {
  readonly totals: Record<'recorded' | 'onChain', Record<string, string>> & {
    readonly differing: DifferingAddresses;
  };
};

/** By unit, what the chain has more than the records: in total, and of all addresses that are named. */
async function surplusesOf(pool: Pool, runId: string) {
  const { rows } = await pool.query<StoredRun>(
    'select totals from reconciliation_runs where id = $1',
    [runId],
  );
  const [run] = rows;
  if (run === undefined) throw new Error('no such run');
  const { differing, ...total } = run.totals;
  const surplus = (sides: readonly Pick<StoredRun['totals'], 'recorded' | 'onChain'>[]) => {
    const units = new Map<string, bigint>();
    for (const { recorded, onChain } of sides) {
      for (const [sign, side] of [
        [-1n, recorded],
        [1n, onChain],
      ] as const) {
        for (const [unit, quantity] of Object.entries(side)) {
          units.set(unit, (units.get(unit) ?? 0n) + sign * BigInt(quantity));
        }
      }
    }
    return new Map([...units].filter(([, quantity]) => quantity !== 0n));
  };
  return { total: surplus([total]), named: surplus(differing.listed), differing };
}

const heldAmong = (findings: readonly Finding[]): number =>
  new Set(
    findings.flatMap(({ reference, recorded }) =>
      recorded !== null && isHeld(recorded) ? [reference] : [],
    ),
  ).size;

const addressesOf = ({ address, recorded }: Finding) => [
  address,
  ...(recorded === null ? [] : [recorded.address]),
];

const ENTRYLESS = `delete from balance_transactions where ${ONE(HELD)};`;

describe('books that nobody spoilt', () => {
  test('equal the chain, with all that can be in them', async () => {
    const pool = await books();
    const { rows } = await pool.query<{ kind: string }>(`
      select distinct status as kind from incoming_payments
      union select 'before' from incoming_payments where counted_from is not null and status = 'confirmed'
      union select 'spent' from incoming_payments where spent_by is not null
      union select 'wallet' from wallet_outputs where spent_by is not null
      union select 'wallet before' from wallet_outputs where counted_from is not null`);
    const kinds = rows.map(({ kind }) => kind).sort();
    const all = 'before confirmed ignored pending rolled_back spent wallet'.split(' ');
    expect(kinds).toEqual(expect.arrayContaining(all));
    const result = await reconcileFully(pool, net);
    expect(result.findings).toEqual([]);
    expect(result.problem).toBeNull();
    expect(result).toMatchObject({ addresses: 5, covered: 5, mismatched: 0, missing: 0, extra: 0 });
    expect(result.totals.recorded).toEqual(result.totals.onChain);
    expect(result.matched).toBe(await heldIn(pool));
  });
});

describe('a row that somebody changed', () => {
  test.each(ROW_CORRUPTIONS)('is found where %s', async (_what, sql, types) => {
    const pool = await books();
    const { rowCount } = await pool.query(sql);
    expect(rowCount).toBeGreaterThan(0);
    const { findings, runId, problem, matched } = await reconcileFully(pool, net);
    expect(findings.map(({ type }) => type).sort()).toEqual(types);
    expect(problem).toBeNull();
    expect(matched + heldAmong(findings)).toBe(await heldIn(pool));
    for (const finding of findings) {
      expect(finding.recorded === null).toBe(finding.type === 'missing_in_db');
      expect(finding.onChain === null).toBe(finding.type === 'extra_in_db');
      expect(finding.onChain?.spent).not.toBe('gone');
    }
    const stored = await pool.query<{ type: string }>(
      `select type from reconciliation_discrepancies where run_id = $1 and state = 'open' order by type`,
      [runId],
    );
    expect(stored.rows.map(({ type }) => type)).toEqual(types);
    const { total, named, differing } = await surplusesOf(pool, runId);
    expect(named).toEqual(total);
    expect(differing.count).toBe(new Set(findings.flatMap(addressesOf)).size);
  });

  test('stays unexplained where the address itself was given to another user', async () => {
    const pool = await books();
    await pool.query(`update payment_addresses set user_id = 'mallory' where address = $1`, [
      CAROL,
    ]);
    const { findings } = await reconcileFully(pool, net);
    expect(findings.map(({ type }) => type)).toEqual(['owner_mismatch']);
    expect(findings[0]?.unexplained).toContain('registered for carol');
  });

  test('is no spend where a height alone stands there', async () => {
    const pool = await books();
    const { rowCount } = await pool.query(
      `update incoming_payments set spent_height = block_height where ${ONE(HELD)}`,
    );
    expect(rowCount).toBe(1);
    const { findings, problem, matched } = await reconcileFully(pool, net);
    expect({ findings, problem }).toEqual({ findings: [], problem: null });
    expect(matched).toBe((await reconcileFully(await books(), net)).matched);
  });

  test('is left to verifying where only the ledger was changed', async () => {
    const pool = await books();
    await pool.query(ENTRYLESS);
    expect((await reconcileFully(pool, net)).findings).toEqual([]);
  });

  test('is told of by the digest at least, where it can’t be named', async () => {
    const pool = await books();
    await pool.query('update state_digests set facts_sum = $1, digest = $1 where height = 8', [
      'ef'.repeat(32),
    ]);
    const { findings, problem } = await reconcileFully(pool, net);
    expect(findings).toEqual([]);
    expect(problem).toContain('the state digest differs');
  });
});

/** No row is left at the address that would lead to it, and no ledger holds it any more. */
const DELETED_SPENT = new Set([
  'a spent payment is deleted',
  'a payment that was spent in a later block is deleted',
  'a spent output of the wallet is deleted',
]);
const [FIRST = '', SECOND = ''] = ANN;
const reconcileAt = (pool: Pool, ...addresses: string[]) =>
  reconcile(depsOf(pool, net), { scope: { addresses }, requestedBy: 'cli:test', resume: false });
const EVERYWHERE = [FIRST, SECOND, CAROL, DAVE, net.chain.faucet];

describe('a comparison of some addresses', () => {
  test.each(ROW_CORRUPTIONS)('tells what a whole one does where %s', async (what, sql, types) => {
    const pool = await books();
    await pool.query(sql);
    const { findings, problem, matched } = await reconcileAt(pool, ...EVERYWHERE);
    const told = DELETED_SPENT.has(what) ? [] : types;
    expect(findings.map(({ type }) => type).sort()).toEqual(told);
    expect(problem).toBeNull();
    expect(matched + heldAmong(findings)).toBe(await heldIn(pool));
  });

  test('tells nothing of what was changed at another one in the same block', async () => {
    const pool = await books();
    const { rows } = await pool.query(
      `update incoming_payments p set amount_lovelace = amount_lovelace + 1
        where address = $1 and spent_by is not null and exists (
          select 1 from incoming_payments o
           where o.address = $2 and p.block_height in (o.block_height, o.spent_height))
      returning 1`,
      [FIRST, SECOND],
    );
    expect(rows.length).toBeGreaterThan(0);
    const other = await reconcileAt(pool, SECOND);
    expect(other.findings).toEqual([]);
    expect(other.matched).toBe((await reconcileAt(await books(), SECOND)).matched);
    const own = await reconcileAt(pool, FIRST);
    expect(own.findings.map(({ type }) => type)).toEqual(rows.map(() => 'amount_mismatch'));
  });
});
