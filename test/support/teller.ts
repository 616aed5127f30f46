import { afterAll, beforeAll, beforeEach } from 'vitest';
import { runTeller } from '../../src/verbs/program.js';
import type { Run } from '../../src/verbs/run.js';
import { createTestDatabase } from './database.js';
import type { TestDatabase } from './test-databases.js';

export type Invocation = { readonly environment?: NodeJS.ProcessEnv; readonly run?: Run };

const noRun: Run = () => Promise.reject(new Error('nothing is to run here'));
const CLEAR = `
  truncate payment_addresses, incoming_payments, user_balances, balance_transactions, sync_state, audit_log
  cascade`;

/** The command in this process, on a database of its own that is empty before each test. */
export function tellerInTests() {
  const under = { environment: {} } as { database: TestDatabase; environment: NodeJS.ProcessEnv };
  beforeAll(async () => {
    under.database = await createTestDatabase();
    under.environment = { NETWORK: 'preprod', DATABASE_URL: under.database.url };
  });
  afterAll(() => under.database.drop());
  beforeEach(() => under.database.pool.query(CLEAR));

  async function teller(words: string[], { environment, run = noRun }: Invocation = {}) {
    let out = '';
    let err = '';
    const terminal = {
      environment: environment ?? under.environment,
      out: (text: string) => {
        out += text;
      },
      err: (text: string) => {
        err += text;
      },
      isInteractive: false,
    };
    const exitCode = await runTeller(words, terminal, run);
    return { exitCode, out, err };
  }

  async function json(...words: string[]) {
    const { exitCode, out } = await teller([...words, '--json']);
    const lines = out.trimEnd().split('\n');
    return { exitCode, lines: lines.map((line) => JSON.parse(line) as unknown) };
  }
  return { under, teller, json };
}
