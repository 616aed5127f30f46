import type pg from 'pg';
import { decodeNextBlock } from '../../src/chain/decode.js';
import { createPaymentHandlers, type PaymentDeps } from '../../src/payments/apply.js';
import type { PaymentsSummary } from '../../src/payments/payment.js';
import type { SyncEvent } from '../../src/sync/events.js';
import { createFollower, type Follower } from '../../src/sync/follower.js';
import { beginTerm, readCursor } from '../../src/sync/queries.js';
import { runSync } from '../../src/sync/worker.js';

export const ADA = 1_000_000n;

export const POLICY: PaymentDeps['policy'] = {
  tiers: [
    { fromLovelace: 0n, confirmations: 3 },
    { fromLovelace: 1_000n * ADA, confirmations: 6 },
  ],
  minPaymentLovelace: 3n * ADA,
};

const NETWORK = 'custom:42';

/** A new term's follower in this process, at the stored cursor; a new database starts at the origin. */
export async function followerOn(pool: pg.Pool, hotWallet: string | null): Promise<Follower> {
  const term = await beginTerm(pool, 0, 1, NETWORK);
  if ('refused' in term) throw new Error(term.refused);
  const handlers = createPaymentHandlers({ partitionId: 0, policy: POLICY, hotWallet });
  await handlers.prepare(pool);
  const cursor = await readCursor(pool, 0);
  const follower = createFollower(
    { pool, term, handlers, decode: decodeNextBlock, observe: () => undefined, clock: () => 0 },
    cursor,
  );
  if (cursor === null) await follower.start({ point: 'origin', height: null }, 'origin');
  return follower;
}

export type WorkerOptions = {
  readonly databaseUrl: string;
  readonly pool: pg.Pool;
  readonly urls: readonly [string, ...string[]];
  readonly startPoint: Parameters<typeof runSync>[0]['startPoint'];
  readonly policy?: PaymentDeps['policy'];
};

/** The real worker, over a socket, until `done` says so of one of its events. */
export async function followUntil(
  options: WorkerOptions,
  done: (event: SyncEvent<PaymentsSummary>) => boolean,
): Promise<SyncEvent<PaymentsSummary>[]> {
  const events: SyncEvent<PaymentsSummary>[] = [];
  const stop = new AbortController();
  await runSync(
    {
      pool: options.pool,
      directUrl: options.databaseUrl,
      partitionId: 0,
      totalPartitions: 1,
      network: NETWORK,
      startPoint: options.startPoint,
      endpoints: { urls: options.urls, keys: [], keyHeader: null, keyParam: 'apikey' },
      decode: decodeNextBlock,
      createHandlers: () =>
        createPaymentHandlers({
          partitionId: 0,
          policy: options.policy ?? POLICY,
          hotWallet: null,
        }),
      observe: (event) => {
        events.push(event);
        if (done(event)) stop.abort(new Error('done'));
      },
      random: Math.random,
      preferredRetryMs: 60_000,
    },
    stop.signal,
  );
  return events;
}

/** As a new database is: the payout control's one row is part of the schema. */
export const emptyTables = (pool: pg.Pool): Promise<unknown> => pool.query(EMPTY);

const EMPTY = `
  truncate sync_state, blocks, block_checkpoints, payment_addresses, incoming_payments, wallet_outputs,
    balance_transactions, user_balances, outbox, audit_log, outbound_payments, payout_batches,
    payout_transactions, payout_transaction_inputs, payout_attempts, payout_change, wallet_reservations,
    wallet_backfills, state_digests, chain_guard, payout_control, chain_jobs, rebuild_candidates,
    rebuild_outputs, rebuild_spends,
    reconciliation_runs, reconciliation_discrepancies, address_checks, seals, schedules, backups
    restart identity;
  insert into payout_control default values`;
