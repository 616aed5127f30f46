import pg from 'pg';
import { checkDigest } from '../src/payments/digest/check-digest.js';
import { readDigest } from '../src/payments/digest/digest-queries.js';

/** What must be the same before the database was lost and after it was restored. */
export type Books = {
  readonly height: number;
  /** The state digest at that height: of every output and spend at watched addresses. */
  readonly digest: string;
  /** `USER UNIT available held pending`. */
  readonly balances: readonly string[];
  /** `ID status lovelace transaction`. */
  readonly payouts: readonly string[];
  readonly payments: number;
};

const HEIGHT = 'select last_block_height::float8 as height from sync_state';
const BALANCES = `
  select format('%s %s %s %s %s', user_id, unit, available, held, pending) as line
    from user_balances order by user_id, unit`;
const PAYOUTS = `
  select format('%s %s %s %s', id, status, amount_lovelace, tx_hash) as line
    from outbound_payments order by id`;
const PAYMENTS = 'select count(*)::int as payments from incoming_payments';

/** @param at the height whose digest is asked for; by default the last one */
export const readBooks = (url: string, at?: number): Promise<Books> =>
  withClient(url, async (client) => {
    const [cursor] = (await client.query<{ height: number }>(HEIGHT)).rows;
    const height = at ?? cursor?.height ?? 0;
    const { digest } = await readDigest(client, 0, height);
    const lines = async (text: string) =>
      (await client.query<{ line: string }>(text)).rows.map(({ line }) => line);
    const [count] = (await client.query<{ payments: number }>(PAYMENTS)).rows;
    return {
      height,
      digest,
      balances: await lines(BALANCES),
      payouts: await lines(PAYOUTS),
      payments: count?.payments ?? 0,
    };
  });

/** Whether the digest of the rows as they are is the one that was kept block by block. */
export const digestHolds = (url: string): Promise<boolean> =>
  withClient(url, async (client) => (await checkDigest(client, 0)).firstDifference === null);

export const isHeld = (url: string): Promise<boolean> =>
  holds(url, 'select held_at is not null as holds from payout_control');
export const isPaused = (url: string): Promise<boolean> =>
  holds(url, 'select paused_at is not null as holds from payout_control');

const holds = (url: string, text: string): Promise<boolean> =>
  withClient(
    url,
    async (client) => (await client.query<{ holds: boolean }>(text)).rows[0]?.holds === true,
  );

/** Whether nobody has a rebuild to do any more. */
export const isRebuilt = (url: string): Promise<boolean> =>
  withClient(url, async (client) => {
    const { rows } = await client.query(
      "select 1 from chain_jobs where state in ('queued', 'running')",
    );
    return rows.length === 0;
  });

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
