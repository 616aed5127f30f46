import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Customer } from './moves.js';
import type { Stage } from './stage.js';
import { askVerb, runVerb } from './verbs.js';
import { expectThat } from './wait.js';
import { ada, short } from './words.js';

/** `--json` of `teller reconcile`; the fields that the demo reads. */
type Reconciled = {
  readonly run: { readonly matched: number; readonly addresses: number };
  readonly discrepancies: readonly {
    readonly type: string;
    readonly state: string;
    readonly recorded: { readonly amountLovelace: string };
    readonly onChain: { readonly amountLovelace: string };
  }[];
};

const SPOIL_PAYMENT = `
  update incoming_payments set amount_lovelace = amount_lovelace * 10
   where (tx_hash, output_index) = (
     select tx_hash, output_index from incoming_payments
      where user_id = $1 and status = 'confirmed' order by detected_at, tx_hash, output_index limit 1)
  returning amount_lovelace::text as amount`;
const SPOIL_BALANCE = `
  update user_balances set available = available + 1000000000
   where user_id = $1 and unit = 'lovelace' returning available::text as amount`;

/** The workers go on meanwhile; nobody stops anything to find this or to mend it. */
export async function booksSpoiled(stage: Stage, ann: Customer, bob: Customer): Promise<void> {
  const { narrator, settings, signal } = stage;
  narrator.chapter(
    'Somebody changes the books by hand',
    'Two SQL statements that nobody should have run. One command finds what they did, another makes',
    'it right: by correcting entries, never by changing the ledger.',
  );
  const payment = await change(stage, SPOIL_PAYMENT, ann.userId);
  narrator.say(
    'company',
    `update incoming_payments …: a deposit of ${ann.userId}'s is ten times as large`,
  );
  const balance = await change(stage, SPOIL_BALANCE, bob.userId);
  narrator.say('company', `update user_balances …: ${bob.userId} has ${ada(balance)} now`);

  narrator.say('company', 'teller reconcile → exit code 3');
  const found = (await askVerb(settings, ['reconcile'], 3, signal)) as Reconciled;
  const [wrong] = found.discrepancies;
  expectThat(
    found.discrepancies.length === 1 && wrong?.recorded.amountLovelace === payment,
    `expected one wrong amount: ${JSON.stringify(found.discrepancies)}`,
  );
  const { recorded, onChain } = wrong;
  narrator.held(
    `${wrong.type}: ${ada(recorded.amountLovelace)} in the books, ${ada(onChain.amountLovelace)} on the chain`,
  );
  narrator.say('company', 'teller balance verify → exit code 3');
  const { totalMismatches } = await askVerb(settings, ['balance', 'verify'], 3, signal);
  narrator.held(`${String(totalMismatches)} mismatches, each told with both values`);

  narrator.say('company', 'teller reconcile --repair');
  const repaired = (await askVerb(settings, ['reconcile', '--repair'], 0, signal)) as Reconciled;
  expectThat(
    repaired.discrepancies.every(({ state }) => state === 'repaired'),
    `something is left open: ${JSON.stringify(repaired.discrepancies)}`,
  );
  narrator.held('repaired by whoever leads, between two blocks, with an audit trail');
  await expectClean(stage);
}

/** Says that records and chain agree, and balances and ledger. */
export async function expectClean({ narrator, settings, signal }: Stage): Promise<void> {
  narrator.say('company', 'teller reconcile');
  const { run } = (await askVerb(settings, ['reconcile'], 0, signal)) as Reconciled;
  narrator.held(`${run.matched} outputs of ${run.addresses} addresses: records equal the chain`);
  narrator.say('company', 'teller balance verify');
  const { exitCode, out, err } = await runVerb(settings, ['balance', 'verify'], signal);
  expectThat(exitCode === 0, `teller balance verify: exit ${exitCode}: ${out}${err}`);
  narrator.held(out.split('\n').at(0) ?? '');
}

export async function backUp({ narrator, settings, signal }: Stage): Promise<void> {
  narrator.chapter(
    'A backup',
    'One file, as of one moment, while the worker goes on; `npm run drill` restores one.',
  );
  const folder = await mkdtemp(join(tmpdir(), 'teller-demo-'));
  try {
    narrator.say('company', 'teller backup --to DIRECTORY');
    const { bytes, digest } = await askVerb(settings, ['backup', '--to', folder], 0, signal);
    narrator.held(
      `${String(bytes)} bytes, written and read back; state digest ${short(String(digest))}`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function change({ database }: Stage, text: string, userId: string): Promise<string> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ amount: string }>(text, [userId]);
    const [row] = rows;
    expectThat(row !== undefined, `${userId} has nothing that could be spoiled`);
    return row.amount;
  } finally {
    await client.end();
  }
}
