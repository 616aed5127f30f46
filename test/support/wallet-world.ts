import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, vi } from 'vitest';
import { readConfig } from '../../src/config.js';
import type { Devnet } from '../../src/devnet/server.js';
import { syncDeps } from '../../src/run/chain.js';
import { runSync } from '../../src/sync/worker.js';
import { devnet } from './devnet.js';
import { emptyTables } from './follow.js';
import { tellerInTests } from './teller.js';
import { KEY_HEX, WALLET } from './unsigned.js';

export type WalletWorld = { readonly chain: Devnet; readonly environment: NodeJS.ProcessEnv };

type Funds = {
  readonly lovelace: bigint;
  readonly assets?: readonly (readonly [string, bigint])[];
};

/** The command, a hot wallet with a key file, and an instance that follows a devnet. */
export function walletInTests() {
  const { under, teller } = tellerInTests();
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'teller-wallet-'));
    const type = 'PaymentSigningKeyShelley_ed25519';
    const key = JSON.stringify({ type, description: '', cborHex: `5820${KEY_HEX}` });
    writeFileSync(join(folder, 'payment.skey'), key, { mode: 0o600 });
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  beforeEach(async () => {
    await emptyTables(under.database.pool);
  });

  const query = async (text: string) =>
    (await under.database.pool.query<Record<string, unknown>>(text)).rows;
  /** Waits until the books are there. */
  const heldAt = (height: number) =>
    vi.waitFor(
      async () => {
        const [row] = await query('select last_block_height::int as height from sync_state');
        expect(row?.height).toBe(height);
      },
      { timeout: 10_000, interval: 20 },
    );

  /** A wallet with these outputs, in a chain that is followed to its tip. */
  async function world(...outputs: readonly Funds[]): Promise<WalletWorld> {
    const chain = await devnet({ random: false, blocks: 3 });
    for (const { lovelace, assets = [] } of outputs) {
      chain.payNow({ address: WALLET, lovelace, assets: new Map(assets) });
    }
    const environment = {
      NETWORK: 'custom:42',
      DATABASE_URL: under.database.url,
      OGMIOS_URL: chain.url,
      START_POINT: 'origin',
      HOT_WALLET_ADDRESS: WALLET,
      SIGNER: `file:${join(folder, 'payment.skey')}`,
      PAYOUT_ID_SECRET: 'a-secret-for-payout-ids',
    };
    const stop = new AbortController();
    const deps = syncDeps(readConfig(environment), under.database.pool, () => undefined);
    const following = runSync(deps, stop.signal);
    onTestFinished(async () => {
      stop.abort(new Error('done'));
      await following;
    });
    await heldAt(chain.chain.blocks().at(-1)?.height ?? 0);
    return { chain, environment };
  }

  async function json<T>(
    { environment }: Pick<WalletWorld, 'environment'>,
    ...words: readonly string[]
  ): Promise<T> {
    const answer = await teller(['wallet', ...words, '--json'], { environment });
    expect(answer).toMatchObject({ exitCode: 0, err: '' });
    return JSON.parse(answer.out) as T;
  }
  return { under, teller, json, query, heldAt, world };
}

export type Listed = {
  readonly outputs: number;
  readonly lovelace: string;
  readonly spendable: string;
  readonly reserved: string;
  readonly quarantined: string;
  readonly more: number;
  readonly items: readonly {
    readonly output: string;
    readonly lovelace: string;
    readonly state: string;
    readonly quarantine: string | null;
    readonly reservedBy: { readonly kind: string; readonly txHash: string } | null;
  }[];
};
export type Drafted = {
  readonly transactions: readonly {
    readonly txHash: string;
    readonly feeLovelace: string;
    readonly inputs: readonly { readonly output: string; readonly lovelace: string }[];
    readonly outputs: readonly { readonly lovelace: string; readonly assets: object }[];
  }[];
};
export type Acted = {
  readonly transactions: readonly {
    readonly txHash: string;
    readonly blockHeight: number | null;
  }[];
};
