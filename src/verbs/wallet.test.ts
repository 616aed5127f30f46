import { describe, expect, test } from 'vitest';
import { type Drafted, type Listed, walletInTests } from '../../test/support/wallet-world.js';

const { under, teller, json, query, world } = walletInTests();
const ADA = 1_000_000n;
const UNINVITED = `${'cd'.repeat(28)}53434d`;

describe('the wallet', () => {
  test('is shown whole, with what may be spent and what not, and why', async () => {
    const it = await world(
      { lovelace: 500n * ADA },
      { lovelace: 7n * ADA, assets: [[UNINVITED, 5n]] },
      { lovelace: 40n * ADA },
    );
    const listed = await json<Listed>(it, 'show');
    expect(listed).toMatchObject({
      outputs: 3,
      lovelace: '547000000',
      spendable: '540000000',
      reserved: '0',
      quarantined: '7000000',
      more: 0,
    });
    expect(
      listed.items.map(({ lovelace, state, quarantine }) => [lovelace, state, quarantine]),
    ).toEqual([
      ['500000000', 'spendable', null],
      ['40000000', 'spendable', null],
      ['7000000', 'quarantined', 'unknown_token'],
    ]);
    expect((await json<Listed>(it, 'show', '--limit', '1')).more).toBe(2);
    const { out, err } = await teller(['wallet', '--state', 'quarantined'], it);
    expect(out).toContain('unknown_token');
    expect(out).not.toContain('500.000000 ');
    expect(err).toBe('');
  });

  test('of nobody is told', async () => {
    const environment = { ...under.environment, NETWORK: 'custom:42' };
    const { exitCode, err } = await teller(['wallet'], { environment });
    expect(exitCode).toBe(2);
    expect(err).toContain('HOT_WALLET_ADDRESS');
  });
});

test('status tells of payouts and the wallet in words', async () => {
  const it = await world({ lovelace: 500n * ADA });
  await query("update payout_control set paused_at = now(), paused_by = 'ann'");
  const { out, exitCode } = await teller(['status'], it);
  expect(exitCode).toBe(0);
  expect(out).toMatch(/^payouts queued +0$/m);
  expect(out).toMatch(/^payouts paused +since 20\S+ by ann: -$/m);
  expect(out).toMatch(/^payouts held +no$/m);
  expect(out).toMatch(/^hot wallet ada +500\.000000$/m);
  expect(out).toMatch(/^ {2}spendable +500\.000000 in 1 of 1 outputs$/m);
  expect(out).toMatch(/^ {2}hours left +-$/m);
});

describe('a dry run', () => {
  test('shows the very transaction, needs no signer and leaves no trace', async () => {
    const { environment } = await world(
      { lovelace: 5n * ADA },
      { lovelace: 6n * ADA },
      { lovelace: 900n * ADA },
    );
    const unable = { ...environment };
    delete unable.SIGNER;
    const words = ['consolidate', '--dry-run', '--max-inputs', '2'];
    const drafted = await json<Drafted>({ environment: unable }, ...words);
    const [only] = drafted.transactions;
    expect(drafted.transactions).toHaveLength(1);
    expect(only?.inputs.map(({ lovelace }) => lovelace).sort()).toEqual(['5000000', '6000000']);
    const fee = BigInt(only?.feeLovelace ?? 0);
    expect(fee).toBeGreaterThan(150_000n);
    expect(only?.outputs).toEqual([expect.objectContaining({ lovelace: String(11n * ADA - fee) })]);
    expect(await query('select from payout_transactions')).toEqual([]);
    const { out } = await teller(['wallet', 'split', '--outputs', '4', '--dry-run'], {
      environment: unable,
    });
    expect(out.match(/ makes /g)).toHaveLength(4);
    expect(out).toContain('nothing was signed');
  });

  test('leaves out what is quarantined, unless it is asked for', async () => {
    const it = await world(
      { lovelace: 50n * ADA },
      { lovelace: 7n * ADA, assets: [[UNINVITED, 5n]] },
    );
    const alone = await teller(['wallet', 'consolidate', '--dry-run'], it);
    expect(alone).toMatchObject({ exitCode: 1, out: '' });
    expect(alone.err).toContain('it takes two');
    const both = await json<Drafted>(it, 'consolidate', '--dry-run', '--include-quarantined');
    expect(both.transactions[0]?.outputs).toContainEqual(
      expect.objectContaining({ assets: { [UNINVITED]: '5' } }),
    );
  });
});
