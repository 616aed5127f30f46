import { createHash } from 'node:crypto';
import { userInfo } from 'node:os';
import { beforeEach, describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../../test/support/addresses.js';
import { tellerInTests } from '../../test/support/teller.js';

const { under, teller, json } = tellerInTests();
const TO = enterpriseAddress(5);
const UNIT = 'ab'.repeat(28);
const OPERATOR = `operator:${userInfo().username}`;
const hex = (key: string) => createHash('sha256').update(key).digest('hex');
const SETTINGS = {
  PAYOUT_ID_SECRET: 'a-secret-for-payout-ids',
  PAYOUT_APPROVAL_ABOVE_ADA: '100',
  API_KEYS: [
    `shop:payout+approve:${hex('key-of-shop')}`,
    `boss:approve:${hex('key-of-boss')}`,
    `reader:read:${hex('key-of-reader')}`,
  ].join(','),
};

const withKey = (key: string, more: NodeJS.ProcessEnv = {}) => ({
  environment: { ...under.environment, ...SETTINGS, TELLER_API_KEY: key, ...more },
});
const create = (...more: string[]) => ['payout', 'create', '--to', TO, ...more];
const query = async (text: string) =>
  (await under.database.pool.query<Record<string, unknown>>(text)).rows;

beforeEach(async () => {
  Object.assign(under.environment, SETTINGS);
  await query('truncate outbound_payments, audit_log, payout_batches cascade');
  await query(`update payout_control set paused_at = null, paused_by = null, held_at = null,
                 fence_requested_at = null, fence_generation = 0`);
});

describe('payout create', () => {
  test('makes one payout, whoever and how often it is asked', async () => {
    const words = create('--idempotency-key', 'k', '--ada', '2.5', '--reference', 'order 7');
    const first = await json(...words);
    expect(first).toMatchObject({
      exitCode: 0,
      lines: [
        {
          status: 'queued',
          amountLovelace: '2500000',
          referenceId: 'order 7',
          createdBy: OPERATOR,
        },
      ],
    });
    const again = await teller(words);
    expect(again).toMatchObject({ exitCode: 0 });
    expect(again.out).toMatch(/^[0-9a-f]{32}: was accepted before, queued\n$/);
    const other = await teller(create('--idempotency-key', 'k', '--lovelace', '2500001'));
    expect(other).toMatchObject({ exitCode: 1, out: '' });
    expect(other.err).toContain('another body');
    expect(await query('select actor, action from audit_log')).toEqual([
      { actor: OPERATOR, action: 'payout.created' },
    ]);
    expect(await json('payout', 'list', '--to', TO)).toMatchObject({ lines: [{ items: [{}] }] });
    expect((await teller(['payout', 'list'])).out).toContain('2.500000');
  });

  test('acts as the key in TELLER_API_KEY, whose namespace is another', async () => {
    const words = create('--idempotency-key', 'k', '--ada', '2');
    await teller(words);
    const { exitCode } = await teller(words, withKey('key-of-shop'));
    expect(exitCode).toBe(0);
    expect(await query('select api_key, created_by from outbound_payments order by 1')).toEqual([
      { api_key: 'cli', created_by: OPERATOR },
      { api_key: 'shop', created_by: 'key:shop' },
    ]);
  });

  test('above the threshold needs a key, and then another one', async () => {
    const words = create('--idempotency-key', 'k', '--ada', '100.000001');
    const alone = await teller(words);
    expect(alone).toMatchObject({ exitCode: 1, out: '' });
    expect(alone.err).toContain('TELLER_API_KEY');
    expect(await query('select from outbound_payments')).toEqual([]);
    const asked = await teller(words, withKey('key-of-shop'));
    expect(asked.out).toContain('awaiting approval');
    const id = asked.out.slice(0, 32);
    const approve = ['payout', 'approve', id];
    expect(await teller(approve)).toMatchObject({ exitCode: 1, out: '' });
    const own = await teller(approve, withKey('key-of-shop'));
    expect(own).toMatchObject({ exitCode: 1, out: '' });
    expect(own.err).toContain('another must approve');
    expect((await teller(approve, withKey('key-of-reader'))).exitCode).toBe(2);
    expect((await teller(approve, withKey('key-of-boss'))).out).toBe(`${id}: approved\n`);
    expect((await teller(approve, withKey('key-of-boss'))).err).toContain('is queued');
    expect(await json('payout', 'show', id)).toMatchObject({
      lines: [{ status: 'queued', createdBy: 'key:shop', approvedBy: 'key:boss' }],
    });
    expect((await teller(['payout', 'cancel', id])).out).toBe(`${id}: cancelled\n`);
    expect((await teller(['payout', 'cancel', id])).err).toContain('the payout is cancelled');
  });

  test.each<[string[], NodeJS.ProcessEnv, string]>([
    [['--ada', '2'], { PAYOUT_ID_SECRET: '' }, 'PAYOUT_ID_SECRET'],
    [['--ada', '2'], { TELLER_API_KEY: 'key-of-nobody' }, 'TELLER_API_KEY: is none of API_KEYS'],
    [['--ada', '2'], { TELLER_API_KEY: 'key-of-boss' }, 'lacks the scope payout'],
    [['--ada', '2'], { PAYOUT_DESTINATIONS: `${TO},addr1x` }, 'PAYOUT_DESTINATIONS: address 2'],
    [[], {}, '--lovelace, --ada: wanted one'],
    [['--ada', '2', '--lovelace', '2000000'], {}, '--lovelace, --ada: wanted one'],
    [['--ada', '2.0000001'], {}, 'up to six decimals'],
    [['--lovelace', '0'], {}, '--lovelace, --ada: wanted a whole number'],
    [['--ada', '2', '--asset', 'tok'], {}, 'UNIT=QUANTITY'],
    [['--ada', '2', '--asset', 'tok=5'], {}, '--asset tok: wanted a policy id'],
    [['--ada', '2', '--asset', `${UNIT}=1`, '--asset', `${UNIT}=1`], {}, 'given before'],
    [['--ada', '2', '--metadata', '[1]'], {}, 'Wanted a JSON object'],
    [['--ada', '2', '--user', ' ann'], {}, '--user: has spaces'],
    [['--ada', '2', '--to', 'addr1x'], {}, '--to: '],
    [['--ada', '2', '--idempotency-key', 'a b'], {}, '--idempotency-key: wanted'],
  ])('%j %j ends with 2', async (words, environment, why) => {
    const whole = { ...under.environment, ...environment };
    if (environment.PAYOUT_ID_SECRET === '') delete whole.PAYOUT_ID_SECRET;
    const { exitCode, out, err } = await teller(create('--idempotency-key', 'k', ...words), {
      environment: whole,
    });
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toContain(why);
    expect(err).not.toMatch(/key-of-|a-secret/);
    expect(await query('select from outbound_payments')).toEqual([]);
  });

  test('is refused under another PAYOUT_ID_SECRET, until a person answers for it', async () => {
    await query('truncate payout_id_fingerprint');
    const words = create('--idempotency-key', 'k', '--ada', '2');
    expect(await teller(words)).toMatchObject({ exitCode: 0 });
    const other = withKey('key-of-shop', { PAYOUT_ID_SECRET: 'another-secret-for-payouts' });
    const refusal = await teller(words, other);
    expect(refusal).toMatchObject({ exitCode: 2, out: '' });
    expect(refusal.err).toContain('teller payout accept-secret');
    const accept = ['payout', 'accept-secret', '--reason', 'lost with the host'];
    expect((await teller([...accept.slice(0, -1), ' '], other)).exitCode).toBe(2);
    expect((await teller(accept, other)).out).toContain('restart them');
    expect((await teller(accept, other)).out).toContain('already');
    expect(await teller(words, other)).toMatchObject({ exitCode: 0 });
    expect(await teller(words)).toMatchObject({ exitCode: 2 });
    expect(await query("select actor from audit_log where action like '%secret%'")).toEqual([
      { actor: OPERATOR },
    ]);
    await query('truncate payout_id_fingerprint');
  });

  test('is refused with a reason, in JSON too', async () => {
    const words = create('--idempotency-key', 'k', '--ada', '2', '--user', 'ann');
    expect(await json(...words)).toMatchObject({
      exitCode: 1,
      lines: [{ refused: 'insufficient-balance' }],
    });
    await query("insert into user_balances values ('ann', 'lovelace', 2000000, 0, 0)");
    expect((await teller(words)).exitCode).toBe(0);
  });
});

describe('payout pause', () => {
  test('holds until it is resumed, and says who began it', async () => {
    const paused = await json('payout', 'pause', '--reason', 'odd answers');
    expect(paused).toMatchObject({
      exitCode: 0,
      lines: [{ pausedBy: OPERATOR, pauseReason: 'odd answers' }],
    });
    expect((await teller(['payout', 'pause'])).out).toContain(`already, by ${OPERATOR} since 20`);
    expect((await teller(['payout', 'resume'])).out).toBe('payouts go on\n');
    expect((await teller(['payout', 'resume'])).out).toBe('payouts were not paused\n');
    expect(await query('select action, actor from audit_log order by id')).toEqual([
      { action: 'payout.paused', actor: OPERATOR },
      { action: 'payout.resumed', actor: OPERATOR },
    ]);
  });

  test('that ends says that payouts are held all the same', async () => {
    await query(
      "update payout_control set paused_at = now(), held_at = now(), hold_reason = 'restored'",
    );
    expect((await teller(['payout', 'resume'])).out).toContain('held all the same: restored');
  });
});

describe('payout fence', () => {
  /** What whoever pays does, in two steps. */
  const take = () =>
    query(`
      with control as (
        update payout_control set fence_generation = fence_generation + 1 returning fence_generation
      ), batch as (
        insert into payout_batches (kind, anchor_tx_hash, anchor_index, generation)
        select 'fence', repeat('a', 64), n, fence_generation from control, generate_series(1, 2) as n
        returning id
      )
      insert into payout_transactions (tx_hash, batch_id, fee_lovelace)
      select lpad(to_hex(id), 64, '0'), id, 1 from batch`);
  const submit = (limit: number) =>
    query(`
      update payout_transactions set first_submitted_at = now()
       where tx_hash in (select tx_hash from payout_transactions
                          where first_submitted_at is null limit ${limit})`);
  const requested = async (): Promise<void> => {
    while (
      (await query('select from payout_control where fence_requested_at is not null')).length === 0
    );
  };

  test('returns once all its transactions are submitted', async () => {
    const running = json('payout', 'fence', '--timeout', '20');
    await requested();
    await take();
    await submit(1);
    const early = await Promise.race([running, query('select pg_sleep(1.2)')]);
    expect(early).toHaveLength(1);
    await submit(1);
    const { exitCode, lines } = await running;
    expect(exitCode).toBe(0);
    expect(lines).toMatchObject([
      { submitted: true, transactions: [{}, {}].map(() => expect.any(String) as unknown) },
    ]);
    expect(await query('select action, actor from audit_log')).toEqual([
      { action: 'payout.fence_requested', actor: OPERATOR },
    ]);
  });

  test('does not take an older fence for its own', async () => {
    await take();
    await submit(2);
    const { exitCode, err } = await teller(['payout', 'fence', '--timeout', '4']);
    expect(exitCode).toBe(1);
    expect(err).toContain('waiting for whoever pays');
    expect(err).toContain('the request stands');
  });

  test('says so when its request was dropped', async () => {
    const running = teller(['payout', 'fence', '--timeout', '20']);
    await requested();
    await query('update payout_control set fence_requested_at = null');
    expect((await running).err).toContain('nothing to fence');
  });

  test('is refused while payouts are paused', async () => {
    await teller(['payout', 'pause']);
    const { exitCode, err } = await teller(['payout', 'fence']);
    expect(exitCode).toBe(1);
    expect(err).toContain('teller payout resume');
    expect(await query('select from payout_control where fence_requested_at is not null')).toEqual(
      [],
    );
  });
});

test('an id that is none, or nobody, is told', async () => {
  expect((await teller(['payout', 'show', 'abc'])).exitCode).toBe(2);
  for (const verb of ['show', 'cancel']) {
    expect((await teller(['payout', verb, 'a'.repeat(32)])).exitCode).toBe(1);
  }
  expect((await teller(['payout', 'list'])).out).toBe('there are no such payouts\n');
});
