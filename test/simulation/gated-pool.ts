import type pg from 'pg';
import { isTransient } from '../../src/database/pool.js';
import { Crash, type Need, type Scheduler } from './scheduler.js';

/** A statement failed although the process lives: the database went away for a moment. */
export class DatabaseAway extends Error {
  override readonly name = 'DatabaseAway';
  readonly code = '57P01';
}

/** What the actor is to suffer with its next statement; asked at each. */
export type Mishap = 'none' | 'away' | 'answer_lost' | 'crash' | 'crash_after';

/**
 * The real pool, with a gate before every statement and mishaps on request. What was in flight when the
 * mishap struck is cut off with its connection, as when a process or a network dies.
 *
 * @param said what is sent of a statement
 * @param isPassed what needs no gate: nothing may happen before it that it would see
 */
export function gatePool(
  real: pg.Pool,
  actor: () => string,
  scheduler: Scheduler,
  mishap: (statement: string) => Mishap,
  said: (statement: string) => string = (statement) => statement,
  isPassed: (statement: string) => boolean = () => false,
): pg.Pool {
  const run = async (
    text: string,
    send: () => Promise<unknown>,
    cut: () => Promise<void>,
  ): Promise<unknown> => {
    if (isPassed(text)) return scheduler.busy(send);
    const need = needOf(text);
    try {
      await scheduler.gate(actor(), text, need);
    } catch (error) {
      await cut();
      throw error;
    }
    const fate = mishap(text);
    if (fate === 'away' || fate === 'crash') {
      await cut();
      throw fate === 'away' ? new DatabaseAway('terminating connection') : new Crash(text);
    }
    scheduler.hold(actor(), need);
    const result = await scheduler.busy(send).catch(async (error: unknown) => {
      // A slow machine: the server ended what stood idle in a transaction for too long.
      if (isTransient(error)) {
        await cut();
        throw new DatabaseAway('the server ended the connection');
      }
      throw error;
    });
    if (fate === 'answer_lost' || fate === 'crash_after') {
      await cut();
      throw fate === 'answer_lost' ? new DatabaseAway('connection lost') : new Crash(text);
    }
    return result;
  };
  const connect = async () => {
    const client = await scheduler.busy(() => real.connect());
    client.on('error', ignore);
    const session = await scheduler.busy(() => client.query<Session>(SESSION));
    let cutOff = false;
    const cut = async (): Promise<void> => {
      if (cutOff) return;
      cutOff = true;
      client.off('error', ignore);
      client.release(true);
      await scheduler.busy(() => untilEnded(real, session.rows));
      scheduler.letGo(actor());
    };
    return {
      query: async (text: string, values?: unknown[]) => {
        if (cutOff) throw new DatabaseAway('the connection is gone');
        const result = await run(text, () => client.query(said(text), values), cut);
        if (text === 'commit' || text === 'rollback') scheduler.letGo(actor());
        return result;
      },
      // A connection that dies is told by its statements here, never by an event.
      on: () => undefined,
      off: () => undefined,
      removeListener: () => undefined,
      release: (broken?: Error) => {
        if (cutOff) return;
        cutOff = true;
        scheduler.letGo(actor());
        client.off('error', ignore);
        client.release(broken);
      },
    };
  };
  const query = (text: string, values?: unknown[]) =>
    run(
      text,
      () => real.query(text, values),
      () => Promise.resolve(),
    ).finally(() => scheduler.letGo(actor()));
  // What transactions and reads ask of a pool: the gates stand exactly there.
  return new Proxy(real, {
    get: (pool, name) => {
      if (name === 'connect') return connect;
      if (name === 'query') return query;
      const rest: unknown = Reflect.get(pool, name);
      return rest;
    },
  });
}

const ignore = (): void => undefined;

type Session = { readonly pid: number };
const SESSION = 'select pg_backend_pid() as pid';

/** PostgreSQL lets go of locks a moment after the connection ended: a busy machine would make another world of a seed. */
async function untilEnded(pool: pg.Pool, [session]: readonly Session[]): Promise<void> {
  const isThere = async (): Promise<boolean> => {
    const { rowCount } = await pool.query('select from pg_stat_activity where pid = $1', [
      session?.pid,
    ]);
    return rowCount !== 0;
  };
  while (await isThere()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Statements that would wait for another transaction. The scheduler lets none of them wait. */
function needOf(text: string): Need {
  if (/update sync_state|insert into sync_state/.test(text))
    return { lock: 'cursor', shared: false };
  if (/from sync_state[^;]*for share/.test(text)) return { lock: 'cursor', shared: true };
  if (/payout_control[^;]*for share/.test(text)) return { lock: 'control', shared: true };
  if (/update payout_control|payout_control[^;]*for update/.test(text))
    return { lock: 'control', shared: false };
  if (text.includes('pg_advisory_xact_lock_shared')) return { lock: 'registration', shared: true };
  if (text.includes('pg_advisory_xact_lock(')) return { lock: 'registration', shared: false };
  if (RUNS.test(text)) return { lock: 'runs', shared: false };
  if (text.includes('insert into address_checks')) return { lock: 'checks', shared: false };
  if (/(update|insert into) chain_jobs/.test(text)) return { lock: 'jobs', shared: false };
  if (GUARD.test(text)) return { lock: 'guard', shared: false };
  if (text.includes('insert into payment_addresses')) return { lock: 'addresses', shared: false };
  // Rows of balances and payouts: coarser than PostgreSQL's own locks, so that none of them waits there.
  if (MONEY.test(text) && CHANGES.test(text)) return { lock: 'money', shared: false };
  return null;
}

const RUNS = /(update|insert into|delete from) reconciliation_(runs|discrepancies)/;
const GUARD =
  /insert into chain_guard|update chain_guard|from chain_guard where \S+ = \$1 for update/;
const MONEY =
  /user_balances|outbound_payments|payout_batches|payout_transactions|payout_attempts|wallet_reservations/;
const CHANGES = /^\s*(with|insert|update|delete)\b|for (no key )?update|for share/i;
