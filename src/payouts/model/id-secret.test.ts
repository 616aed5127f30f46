import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { ConfigError, Secret } from '../../config.js';
import { acceptIdSecret, fingerprintOf, otherIdSecret, refuseOtherIdSecret } from './id-secret.js';
import { payoutId } from './identity.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(() =>
  pool.query('truncate payout_id_fingerprint, outbound_payments, audit_log cascade'),
);

const OURS = new Secret('the secret that was kept with backups');
const OTHER = new Secret('a secret of another host altogether');

/** Payouts one after another, their ids made with these secrets; null: adopted, and not asked for again yet. */
async function payouts(...secrets: readonly (Secret | null)[]): Promise<void> {
  for (const [i, secret] of secrets.entries()) {
    const key = `order-${i}`;
    await pool.query(
      `insert into outbound_payments (id, api_key, idempotency_key, destination_address, amount_lovelace, status,
         created_by, created_at)
       values ($1, $2, $3, 'addr_test1d', 1, 'queued', 'key:shop', now() + $4 * interval '1 s')`,
      [payoutId(secret ?? OURS, 'shop', key), secret && 'shop', secret && key, i],
    );
  }
}

const refused = async (secret: Secret): Promise<string | null> =>
  refuseOtherIdSecret(pool, secret).then(
    () => null,
    (error: unknown) => {
      if (!(error instanceof ConfigError)) throw error;
      return error.message;
    },
  );

describe('a secret of payout ids', () => {
  test.each<[string, readonly (Secret | null)[], boolean]>([
    ['where no payout tells', [], false],
    ['where those that were adopted tell nothing', [null, null], false],
    ['that made the ids', [OURS, OURS], false],
    ['that made some of them', [OTHER, OURS, OTHER], false],
    ['that made none of them', [OTHER, OTHER, null], true],
  ])('%s is refused: %j', async (_, made, isRefused) => {
    await payouts(...made);
    expect((await refused(OURS)) !== null).toBe(isRefused);
    const { rows } = await pool.query('select fingerprint from payout_id_fingerprint');
    expect(rows).toEqual(isRefused ? [] : [{ fingerprint: fingerprintOf(OURS) }]);
  });

  test('is another than the first one for good, whatever payouts there are', async () => {
    expect(await refused(OURS)).toBeNull();
    await payouts(OTHER, OTHER);
    expect(await refused(OURS)).toBeNull();
    const problem = await refused(OTHER);
    for (const part of ['PAYOUT_ID_SECRET', fingerprintOf(OURS), fingerprintOf(OTHER)]) {
      expect(problem).toContain(part);
    }
    expect(problem).not.toContain(OTHER.reveal());
  });

  test.each<[string, readonly (Secret | null)[], boolean]>([
    ['where none was ever recorded', [], true],
    ['where one was asked for', [OURS], false],
    ['where one was adopted', [null], false],
  ])('is not said to have made payouts %s', async (_, made, isUnused) => {
    expect(await refused(OURS)).toBeNull();
    await payouts(...made);
    const problem = await refused(OTHER);
    expect(problem?.includes('knows of no payout')).toBe(isUnused);
    expect(problem?.includes('payouts of the database at DATABASE_URL were made')).toBe(!isUnused);
    expect(problem).toContain('`teller payout accept-secret`');
    expect(await acceptIdSecret(pool, OTHER, 'operator:ann', 'first try')).toBe(true);
    expect(await refused(OTHER)).toBeNull();
  });

  test('is one alone where two instances come at once', async () => {
    const outcomes = await Promise.all([OURS, OTHER].map(refused));
    expect(outcomes.filter((problem) => problem === null)).toHaveLength(1);
  });

  test('is changed by a person, who is written down', async () => {
    expect(await refused(OURS)).toBeNull();
    expect(await acceptIdSecret(pool, OTHER, 'operator:ann', 'lost')).toBe(true);
    expect(await acceptIdSecret(pool, OTHER, 'operator:ann', 'lost')).toBe(false);
    expect(await otherIdSecret(pool, OTHER)).toBeNull();
    expect(await refused(OURS)).not.toBeNull();
    const { rows } = await pool.query('select action, actor, details from audit_log');
    const details = {
      before: fingerprintOf(OURS),
      fingerprint: fingerprintOf(OTHER),
      reason: 'lost',
    };
    expect(rows).toEqual([{ action: 'payout.id_secret_accepted', actor: 'operator:ann', details }]);
  });
});
