import { userInfo } from 'node:os';
import { beforeEach, describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../../test/support/addresses.js';
import { devnet } from '../../test/support/devnet.js';
import { ADA, emptyTables, followUntil } from '../../test/support/follow.js';
import { tellerInTests } from '../../test/support/teller.js';
import type { Devnet } from '../devnet/server.js';
import type { DiscrepancyView, RunView } from '../reconcile/runs/run-reads.js';

const { under, teller } = tellerInTests();
const ANN = enterpriseAddress(1);
const BOB = enterpriseAddress(2);
const PROVING = `
  truncate reconciliation_runs, reconciliation_discrepancies, chain_jobs, state_digests, chain_guard
  restart identity cascade`;

type Document = {
  readonly run: RunView;
  readonly discrepancies: readonly DiscrepancyView[];
  readonly totals: readonly { unit: string; recorded: string; onChain: string }[];
  readonly byAddress: unknown;
  readonly repaired: number;
  readonly repair?: unknown;
};

let net: Devnet;
const environment = () => ({
  ...under.environment,
  NETWORK: 'custom:42',
  OGMIOS_URL: net.url,
  START_POINT: 'origin',
  CONFIRMATION_TIERS: '0=3,1000=6',
  MIN_PAYMENT_LOVELACE: '3000000',
});
const say = (...words: string[]) => teller(words, { environment: environment() });
const ask = async (...words: string[]) => {
  const { exitCode, out, err } = await say(...words, '--json');
  return { exitCode, err, document: (out === '' ? null : JSON.parse(out)) as Document };
};
const sql = (text: string, values: unknown[] = []) => under.database.pool.query(text, values);

/** Two users with a payment each, followed to the tip. */
beforeEach(async () => {
  await sql(PROVING);
  await emptyTables(under.database.pool);
  net = await devnet({ random: false, blocks: 2 });
  for (const [address, user] of [
    [ANN, 'ann'],
    [BOB, 'bob'],
  ] as const) {
    expect(await say('address', 'add', address, '--user', user)).toMatchObject({ exitCode: 0 });
  }
  net.payNow({ address: ANN, lovelace: 7n * ADA });
  net.payNow({ address: BOB, lovelace: 9n * ADA });
  for (let block = 0; block < 5; block += 1) net.mine();
  await follow();
  // As it is soon after: what they held before is asked for, and it was nothing.
  await sql(
    'update payment_addresses set backfilled_height = (select last_block_height from sync_state)',
  );
});

const follow = () => {
  const tip = net.chain.blocks().at(-1)?.height ?? 0;
  const { pool, url } = under.database;
  const options = {
    databaseUrl: url,
    pool,
    urls: [net.url] as const,
    startPoint: 'origin' as const,
  };
  return followUntil(options, (event) => event.type === 'forward' && event.cursor.height === tip);
};

describe('books that are right', () => {
  test('are told so, with totals, and end with 0', async () => {
    const { exitCode, out } = await say('reconcile');
    expect(out).toMatch(/run \d+: 2 outputs of 2 addresses agreed at block \d+; records equal/);
    expect(out).toMatch(/ada +16\.000000 +16\.000000/);
    expect(exitCode).toBe(0);
    const { out: some } = await say('reconcile', '--address', ANN);
    expect(some).toMatch(
      /1 output of 1 address agreed .*; what is recorded there equals the chain/,
    );
    const { document } = await ask('reconcile', '--address', ANN);
    expect(document).toMatchObject({
      run: { scope: 'addresses', state: 'finished', matched: 1, open: 0 },
      discrepancies: [],
      totals: [{ unit: 'lovelace', recorded: '7000000', onChain: '7000000' }],
      repaired: 0,
    });
    expect(document.run.requestedBy).toBe(`operator:${userInfo().username}`);
  });

  test('are told so by the repair too, which leads where nobody does', async () => {
    const { exitCode, document, err } = await ask('reconcile', '--repair');
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
    expect(document).toMatchObject({ run: { repair: true, state: 'finished' }, repaired: 0 });
  });
});

describe('books that are wrong', () => {
  beforeEach(() =>
    sql("update incoming_payments set amount_lovelace = 70000000 where user_id = 'ann'"),
  );

  test('end with 3, with both values and what to do', async () => {
    const { exitCode, out } = await say('reconcile');
    expect(exitCode).toBe(3);
    expect(out).toMatch(
      new RegExp(`amount_mismatch .* ${ANN} +70\\.000000 ada +7\\.000000 ada +open`),
    );
    expect(out).toMatch(new RegExp(`${ANN} +ada +70\\.000000 +7\\.000000`));
    expect(out).toMatch(/ada +79\.000000 +16\.000000/);
    expect(out).toContain('1 discrepancy');
    expect(out).toContain('teller reconcile --repair');
  });

  test('are found at the address that is asked for, and nowhere else', async () => {
    expect((await ask('reconcile', '--address', BOB)).exitCode).toBe(0);
    const { exitCode, document } = await ask('reconcile', '--address', ANN, '--address', BOB);
    expect(exitCode).toBe(3);
    const totals = [{ unit: 'lovelace', recorded: '70000000', onChain: '7000000' }];
    expect(document.byAddress).toEqual({ count: 1, items: [{ address: ANN, totals }] });
    expect(document.discrepancies).toMatchObject([
      {
        type: 'amount_mismatch',
        address: ANN,
        recorded: { amountLovelace: '70000000' },
        onChain: { amountLovelace: '7000000' },
        state: 'open',
      },
    ]);
  });

  test('are healed, with 0, and are right from then on', async () => {
    await sql("delete from incoming_payments where user_id = 'bob'");
    const { exitCode, document } = await ask('reconcile', '--repair');
    expect(document.discrepancies.map(({ type, state }) => `${type} ${state}`).sort()).toEqual([
      'amount_mismatch repaired',
      'missing_in_db repaired',
    ]);
    expect({ exitCode, repaired: document.repaired }).toEqual({ exitCode: 0, repaired: 2 });
    expect((await say('reconcile')).exitCode).toBe(0);
    expect(document.repair).toMatchObject({
      open: 0,
      problem: null,
      ledger: { entries: expect.any(Number) as unknown },
    });
    const balances = await sql('select user_id, available::text from user_balances order by 1');
    expect(balances.rows).toEqual([
      { user_id: 'ann', available: '7000000' },
      { user_id: 'bob', available: '9000000' },
    ]);
  });

  test('stay listed and shown, and somebody may answer for them, once', async () => {
    const { document } = await ask('reconcile');
    const [found] = document.discrepancies;
    const id = found?.id ?? '';
    expect((await say('reconcile', 'list')).out).toMatch(/full +finished/);
    const shown = await ask('reconcile', 'show', document.run.id, '--state', 'open');
    expect(shown.document.discrepancies.map((one) => one.id)).toEqual([id]);

    const closed = await say('reconcile', 'explain', id, '--reason', 'known since May');
    expect(closed).toMatchObject({ exitCode: 0 });
    const again = await say('reconcile', 'explain', id, '--reason', 'twice');
    expect(again).toMatchObject({ exitCode: 1, out: '' });
    expect(again.err).toContain('it is explained already');
    const { document: after } = await ask('reconcile', 'show', document.run.id);
    const by = `operator:${userInfo().username}`;
    expect(after).toMatchObject({
      run: { open: 0 },
      discrepancies: [{ state: 'explained', reason: 'known since May', closedBy: by }],
    });
    const audit = await sql(
      "select entity_id, actor, details->>'reason' as reason from audit_log where action = 'reconciliation.explained'",
    );
    expect(audit.rows).toEqual([{ entity_id: id, actor: by, reason: 'known since May' }]);
  });

  test('that somebody answered for are right for the next run', async () => {
    const { document } = await ask('reconcile');
    await say('reconcile', 'explain', document.discrepancies[0]?.id ?? '', '--reason', 'ours');
    const { exitCode, out } = await say('reconcile');
    expect(out).toContain('1 discrepancy, 1 explained before');
    expect(exitCode).toBe(0);
  });

  test('are told to those who listen, once for each difference', async () => {
    const { document } = await ask('reconcile');
    const { rows } = await sql(
      "select event_key, data from outbox where type = 'reconciliation.discrepancy'",
    );
    expect(rows).toMatchObject([
      {
        event_key: `reconciliation.discrepancy:${document.discrepancies[0]?.id ?? ''}`,
        data: document.discrepancies[0],
      },
    ]);
  });
});

describe('a comparison that was interrupted', () => {
  /** As a run of another process leaves it that was killed after its first page. */
  const kill = (silentSeconds: number) =>
    sql(
      `update reconciliation_runs
          set state = 'running', finished_at = null, matched = 1,
              heartbeat_at = now() - $1::int * interval '1 second',
              progress = progress || '{"phase": "addresses", "matched": 1}'`,
      [silentSeconds],
    );
  beforeEach(async () => {
    expect((await say('reconcile')).exitCode).toBe(0);
  });

  test('is gone on with where that is asked for', async () => {
    await kill(61);
    const { exitCode, err, document } = await ask('reconcile', '--resume');
    expect({ exitCode, id: document.run.id, state: document.run.state }).toEqual({
      exitCode: 0,
      id: '1',
      state: 'finished',
    });
    expect(err).toMatch(/^going on with run 1, begun at \d{4}-/);
  });

  test('is told of to whoever begins another', async () => {
    await kill(61);
    const { exitCode, err, document } = await ask('reconcile');
    expect({ exitCode, id: document.run.id }).toEqual({ exitCode: 0, id: '2' });
    expect(err).toContain('run 1 was interrupted after 1 outputs');
    expect((await ask('reconcile', 'show', '1')).document.run.state).toBe('abandoned');
  });

  test('is waited for until it is silent for long enough', async () => {
    await kill(59);
    const { exitCode, err, document } = await ask('reconcile', '--resume');
    expect({ exitCode, id: document.run.id }).toEqual({ exitCode: 0, id: '1' });
    expect(err).toMatch(/run 1 may still be at work: waiting up to [12] s/);
  });

  test('but is at work elsewhere is left alone', async () => {
    await kill(30);
    const beating = setInterval(
      () => void sql('update reconciliation_runs set heartbeat_at = now()'),
      100,
    );
    const { exitCode, out, err } = await say('reconcile', '--resume');
    clearInterval(beating);
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
    expect(err).toContain(`run 1 is under way, asked for by operator:${userInfo().username}`);
  });

  test('and was none is begun', async () => {
    const { exitCode, document } = await ask('reconcile', '--resume');
    expect({ exitCode, id: document.run.id }).toEqual({ exitCode: 0, id: '2' });
    const both = await say('reconcile', '--resume', '--address', ANN);
    expect(both).toMatchObject({ exitCode: 2, out: '' });
    expect(both.err).toContain('--resume: stands alone');
  });
});

describe('what can not be done', () => {
  test('is said in a sentence', async () => {
    for (const more of [[], ['--repair']]) {
      const unknown = await say('reconcile', '--address', ANN, enterpriseAddress(9), ...more);
      expect(unknown).toMatchObject({ exitCode: 2, out: '' });
      const given = `teller: --address: given ${enterpriseAddress(9)}, wanted a registered address`;
      expect(unknown.err).toContain(given);
    }
    const text = await say('reconcile', '--address', 'addr_nonsense');
    expect(text).toMatchObject({ exitCode: 2, out: '' });
    expect(text.err).toContain('--address: given addr_nonsense');
    expect(await say('reconcile', 'show', '999')).toMatchObject({ exitCode: 1, out: '' });
    expect(await say('reconcile', 'show', 'last')).toMatchObject({ exitCode: 2, out: '' });
    expect(await say('reconcile', 'explain', '1')).toMatchObject({ exitCode: 2, out: '' });
  });

  test('names the node that can not be reached', async () => {
    const away = { ...environment(), OGMIOS_URL: 'ws://127.0.0.1:1' };
    const { exitCode, out, err } = await teller(['reconcile'], { environment: away });
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
    expect(err).toMatch(/^asking the node again, it gave no answer: can't connect: ECONNREFUSED$/m);
    expect(err).toMatch(/\nteller: OGMIOS_URL: no node can be asked for its ledger: .*\n$/);
  });

  test('is to compare what was never followed', async () => {
    await emptyTables(under.database.pool);
    const { exitCode, err } = await say('reconcile');
    expect(exitCode).toBe(1);
    expect(err).toContain('teller run');
  });
});
