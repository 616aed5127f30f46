import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { enterpriseAddress } from '../../test/support/addresses.js';
import {
  type Acted,
  type Listed,
  type WalletWorld,
  walletInTests,
} from '../../test/support/wallet-world.js';
import { readConfig } from '../config.js';
import { createLogger } from '../health/logging.js';
import { PAYER_LOCK_CLASS } from '../payouts/paying/run-payer.js';
import { endpointsOf } from '../run/endpoints.js';
import { startPayer } from '../run/payer.js';
import { waitForLeadership } from '../sync/leader.js';

const { under, teller, json, query, heldAt, world } = walletInTests();
const ADA = 1_000_000n;

describe('consolidating', () => {
  test('gathers outputs into one, which is in a block when it returns', async () => {
    const it = await world({ lovelace: 5n * ADA }, { lovelace: 6n * ADA }, { lovelace: 7n * ADA });
    const mined = vi.waitFor(
      () => {
        expect(it.chain.chain.mempool.transactions()).toHaveLength(1);
        it.chain.mine();
      },
      { timeout: 20_000, interval: 50 },
    );
    const { transactions } = await json<Acted>(it, 'consolidate');
    await mined;
    expect(transactions).toEqual([
      expect.objectContaining({ blockHeight: expect.any(Number) as number }),
    ]);
    const listed = await json<Listed>(it, 'show');
    expect(listed).toMatchObject({ outputs: 1, reserved: '0', quarantined: '0' });
    expect(await query('select kind from payout_batches')).toEqual([{ kind: 'tidy' }]);
    expect(await query('select paused_at from payout_control')).toEqual([{ paused_at: null }]);
  });

  test('reserves what it spends until it is in a block', async () => {
    const it = await world({ lovelace: 5n * ADA }, { lovelace: 6n * ADA });
    const { transactions } = await json<Acted>(it, 'consolidate', '--no-wait');
    expect(transactions).toEqual([expect.objectContaining({ blockHeight: null })]);
    const listed = await json<Listed>(it, 'show', '--state', 'reserved');
    expect(listed.items).toHaveLength(2);
    expect(listed.items[0]?.reservedBy).toMatchObject({
      kind: 'tidy',
      txHash: transactions[0]?.txHash,
    });
    const again = await teller(['wallet', 'consolidate'], it);
    expect(again.err).toContain('it takes two');
    const { err, exitCode } = await teller(['wallet', 'split', '--outputs', '2'], it);
    expect(err).toContain('a piece has at least 100 ada');
    expect(exitCode).toBe(1);
  });

  test('is looked after by whoever pays next, also where the node forgets it', async () => {
    const it = await world({ lovelace: 5n * ADA }, { lovelace: 6n * ADA });
    await json<Acted>(it, 'consolidate', '--no-wait');
    expect(it.chain.evict()).toHaveLength(1);
    await query('update payout_transactions set next_submission_at = now()');
    const stop = new AbortController();
    const config = readConfig(it.environment);
    const parts = {
      pool: under.database.pool,
      endpoints: endpointsOf(config),
      nudges: { consume: () => Promise.resolve() },
      observe: () => undefined,
      log: createLogger('silent', 'stderr'),
    };
    const { done } = await startPayer(config, parts, stop.signal);
    await vi.waitFor(() => expect(it.chain.chain.mempool.transactions()).toHaveLength(1), {
      timeout: 10_000,
    });
    stop.abort(new Error('done'));
    await done;
    await heldAt(it.chain.mine().height);
    expect(await json<Listed>(it, 'show')).toMatchObject({ outputs: 1, reserved: '0' });
  });

  test('waits no longer than it is told', async () => {
    const it = await world({ lovelace: 5n * ADA }, { lovelace: 6n * ADA });
    const { exitCode, out } = await teller(['wallet', 'consolidate', '--timeout', '1'], it);
    expect(exitCode).toBe(1);
    expect(out).toContain('in no block yet');
  });
});

test('splitting divides the largest output', async () => {
  const it = await world({ lovelace: 20n * ADA }, { lovelace: 1_000n * ADA });
  const { transactions } = await json<Acted>(it, 'split', '--outputs', '5', '--no-wait');
  const height = it.chain.mine().height;
  await heldAt(height);
  expect(transactions).toHaveLength(1);
  const listed = await json<Listed>(it, 'show');
  expect(listed.outputs).toBe(6);
  for (const { lovelace } of listed.items.slice(0, 5)) {
    expect(BigInt(lovelace)).toBeGreaterThan(199n * ADA);
  }
});

describe('nothing is signed', () => {
  const refusal = async (it: WalletWorld, ...words: string[]): Promise<string> => {
    const { exitCode, out, err } = await teller(['wallet', ...words], it);
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
    expect(await query('select from payout_transactions')).toEqual([]);
    return err;
  };

  test('while an instance pays', async () => {
    const it = await world({ lovelace: 5n * ADA }, { lovelace: 6n * ADA });
    const never = new AbortController().signal;
    const office = { lockClass: PAYER_LOCK_CLASS };
    const lock = await waitForLeadership(under.database.url, 0, never, office);
    onTestFinished(() => lock.release());
    expect(await refusal(it, 'consolidate')).toContain('an instance pays now');
  });

  test('while payouts are paused or held, or this is another database', async () => {
    const it = await world({ lovelace: 5n * ADA }, { lovelace: 6n * ADA });
    await query("update payout_control set paused_at = now(), paused_by = 'ann'");
    expect(await refusal(it, 'consolidate')).toContain('paused by ann');
    await query(
      "update payout_control set paused_at = null, held_at = now(), hold_reason = 'restored'",
    );
    expect(await refusal(it, 'consolidate')).toContain('held: restored');
    await query('update payout_control set held_at = null, identity = \'{"system": "another"}\'');
    expect(await refusal(it, 'consolidate')).toContain('held');
    expect(await query('select held_at is not null as held from payout_control')).toEqual([
      { held: true },
    ]);
  });

  test('by a key of another address, or where nobody answers', async () => {
    const it = await world({ lovelace: 5n * ADA }, { lovelace: 6n * ADA });
    const foreign = { ...it.environment, HOT_WALLET_ADDRESS: enterpriseAddress(5) };
    const { exitCode, err } = await teller(['wallet', 'consolidate'], { environment: foreign });
    expect(exitCode).toBe(2);
    expect(err).toContain('SIGNER: its key has the hash');
    const lonely = { ...it.environment, OGMIOS_URL: 'ws://127.0.0.1:1' };
    expect(await refusal({ ...it, environment: lonely }, 'consolidate')).toContain(
      "can't be asked",
    );
  });
});
