import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startDevnet } from '../src/devnet/server.js';
import { FIRST_DIGEST } from '../src/payments/digest/facts.js';
import { BACKUP_SETS, type BackupSet } from '../src/reconcile/backup/backup-sets.js';
import { createApi } from './api.js';
import { type Books, digestHolds, isHeld, isPaused, isRebuilt, readBooks } from './drill-books.js';
import {
  ADA,
  atTip,
  makeCustomers,
  mineUntil,
  payEach,
  payOut,
  startWorker,
} from './drill-company.js';
import { startDrillServer } from './drill-server.js';
import { makeHotWallet } from './hot-wallet.js';
import type { Instance } from './instance.js';
import type { Narrator } from './narrator.js';
import { drawKeys, MAGIC, settingsOf } from './settings.js';
import { askVerb } from './verbs.js';
import { expectThat } from './wait.js';

export type Drill = {
  readonly customers: number;
  /** Which of the backups is restored. */
  readonly set: BackupSet;
  readonly folder: string;
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
};

type OnClose = (close: () => Promise<unknown>) => void;

const DEPOSIT = 100n * ADA;
const WALLET_OUTPUTS = 40;
/** As many as a few transactions pay; the rest only deposits. */
const PAID_MAX = 40;
/** The aim: from the loss of the database until payouts go on. */
const RECOVERY_MS_MAX = 5 * 60_000;

export async function runDrill(drill: Drill, onClose: OnClose): Promise<void> {
  const { narrator } = drill;
  const company = await openCompany(drill, onClose);
  const before = await live(drill, company);
  narrator.chapter('The database is lost', 'Killed, its files deleted, and the worker with it.');
  await company.lose();
  const lostAt = performance.now();
  await recover(drill, company, before, lostAt);
}

type Company = Awaited<ReturnType<typeof openCompany>>;

async function openCompany(drill: Drill, onClose: OnClose) {
  const { narrator, signal, folder } = drill;
  narrator.chapter('A company at work');
  const first = await startDrillServer();
  onClose(first.close);
  const devnet = await startDevnet({ seed: 'drill', networkMagic: MAGIC, random: false });
  onClose(() => devnet.close());
  const wallet = await makeHotWallet();
  onClose(wallet.close);
  const keys = drawKeys();
  const where = { url: first.url, where: 'PostgreSQL', close: first.close };
  let settings: Readonly<Record<string, string>> = settingsOf(where, devnet, wallet, keys);
  let worker: Instance | undefined;
  onClose(async () => worker?.kill());
  const directory = join(folder, 'backups');
  await mkdir(directory);
  const outputs = Array.from({ length: WALLET_OUTPUTS }, () => wallet.address);
  devnet.payNow(...outputs.map((address) => ({ address, lovelace: 1_000n * ADA })));
  const start = async (name: Instance['name']): Promise<Instance> => {
    worker = await startWorker(name, settings, narrator, signal);
    return worker;
  };
  const api = createApi(keys.backend, () => {
    if (worker === undefined) throw new Error('no worker runs');
    return worker;
  });
  return {
    devnet,
    directory,
    api,
    start,
    url: () => settings.DATABASE_URL ?? '',
    teller: (...words: readonly string[]) => askVerb(settings, words),
    atTip: async () => {
      if (worker !== undefined) await atTip(worker, devnet, signal);
    },
    lose: async () => {
      await first.destroy();
      await worker?.kill();
    },
    openAnew: async () => {
      const second = await startDrillServer();
      onClose(second.close);
      settings = { ...settings, DATABASE_URL: second.url };
    },
  };
}

type Lived = {
  readonly books: Books;
  readonly file: string;
  /** What clients have to ask for again: all that the backup doesn't know of. */
  readonly asked: () => Promise<unknown>;
};

/** Deposits and payouts, a backup of each set, and then more that only chain and client remember. */
async function live({ narrator, set, signal, ...drill }: Drill, company: Company): Promise<Lived> {
  const { api, devnet } = company;
  await company.start('A');
  const customers = makeCustomers(drill.customers);
  for (const { address, userId } of customers) await api.register(address, userId);
  payEach(devnet, customers, DEPOSIT);
  const [few, others] = [customers.slice(0, PAID_MAX / 2), customers.slice(PAID_MAX / 2, PAID_MAX)];
  await mineUntil('deposits are confirmed', devnet, signal, async () => {
    const { available } = await api.balance(customers.at(-1)?.userId ?? '');
    return available === DEPOSIT.toString() ? true : undefined;
  });
  const askEarly = () => payOut(api, devnet, few, 5n * ADA, signal);
  await askEarly();
  narrator.held(`${customers.length} customers deposited, ${few.length} were paid`);
  const file = await backUpEach(narrator, company, set);
  payEach(devnet, customers, 7n * ADA);
  const late = others.length > 0 ? others : few;
  const askLate = () => payOut(api, devnet, late, 3n * ADA, signal);
  await askLate();
  for (let i = 0; i < 5; i += 1) devnet.mine();
  await company.atTip();
  const books = await readBooks(company.url());
  narrator.held(
    `after them: ${customers.length} more deposits, ${late.length} more payouts; digest ${books.digest.slice(0, 16)}… at height ${books.height}`,
  );
  expectThat(books.digest !== FIRST_DIGEST, 'the state digest stands at its beginning');
  const asked = async () => {
    if (set === 'addresses') await askEarly();
    await askLate();
  };
  return { books, file, asked };
}

/** @returns the file of the one that is to be restored */
async function backUpEach(
  narrator: Narrator,
  { teller, directory }: Company,
  restored: BackupSet,
): Promise<string> {
  let file = '';
  const sizes: string[] = [];
  for (const set of BACKUP_SETS) {
    const backup = await teller('backup', '--to', directory, '--set', set);
    sizes.push(`${set} ${String(backup.bytes)} bytes`);
    if (set === restored) file = String(backup.file);
  }
  narrator.held(`backups: ${sizes.join(', ')}`);
  return file;
}

const RESTORED: Readonly<Record<BackupSet, string>> = {
  critical: 'what is critical; a rebuild is queued for the rest',
  addresses: 'addresses alone; payouts are paused until the chain told what was paid',
  all: 'everything, and the rows against their digest',
};

async function recover(
  { narrator, signal, set }: Drill,
  company: Company,
  { books, file, asked }: Lived,
  lostAt: number,
): Promise<void> {
  narrator.chapter('Back again', 'As ops/runbooks/Restore.md says.');
  const step = stopwatch(narrator, lostAt);
  await company.openAnew();
  step('an empty PostgreSQL');
  const { digest } = await company.teller('restore', file);
  const compared = set === 'all' ? `: ${String(digest)}` : '';
  step(`teller restore: ${RESTORED[set]}${compared}`);
  await company.start('B');
  await company.atTip();
  step('teller run: the chain is followed to its tip');
  expectThat(await isHeld(company.url()), 'payouts are not held after the restore');
  const atOnce = await readBooks(company.url(), books.height);
  expectThat(atOnce.digest === books.digest, `the digest is ${atOnce.digest}, not ${books.digest}`);
  step('the state digest at the height of the loss is the same: no chain fact was lost');
  if (set === 'addresses') {
    expectThat(await isPaused(company.url()), 'payouts are not paused after the restore');
    await company.teller('payout', 'resume');
    step('teller payout resume: the chain told of every payout that was paid');
  }
  await company.teller('payout', 'fence');
  await mineUntil('payouts go on', company.devnet, signal, async () =>
    (await isHeld(company.url())) ? undefined : true,
  );
  const total = step('teller payout fence: payouts go on');
  await mineUntil('the rebuild has ended', company.devnet, signal, async () =>
    (await isRebuilt(company.url())) ? true : undefined,
  );
  if (set === 'critical') step('the rebuild has filled in from the chain what the backup left out');
  await asked();
  narrator.held(
    'what clients asked for after the backup they ask for again, and nobody is paid twice',
  );
  await company.teller('rebuild', '--from', 'origin', '--dry-run');
  narrator.held('teller rebuild --from origin --dry-run: nothing differs from the chain');
  await company.teller('balance', 'verify');
  expectThat(await digestHolds(company.url()), 'the rows are not those of the digest');
  expectSame(books, await readBooks(company.url(), books.height));
  narrator.held(
    `${books.balances.length} balances, ${books.payouts.length} payouts, ${books.payments} payments: those of before`,
  );
  expectThat(total < RECOVERY_MS_MAX, `it took ${seconds(total)}, and 5 minutes is the aim`);
  narrator.plain(
    `\nRecovery time (RTO): ${seconds(total)} until payouts went on. Lost (RPO): no chain fact; ` +
      'of what people entered, nothing that they ask for again.',
  );
}

const SHOWN_MAX = 5;

function expectSame(before: Books, after: Books): void {
  for (const name of ['digest', 'payments', 'balances', 'payouts'] as const) {
    const [was, is] = [linesOf(before[name]), linesOf(after[name])];
    const lost = was.filter((line) => !is.includes(line));
    const added = is.filter((line) => !was.includes(line));
    expectThat(
      was.length === is.length && lost.length + added.length === 0,
      `${name}: ${lost.length} of before aren't there any more: ${lost.slice(0, SHOWN_MAX).join('; ')}; ` +
        `${added.length} are new: ${added.slice(0, SHOWN_MAX).join('; ')}`,
    );
  }
}

const linesOf = (value: Books[keyof Books]): readonly string[] =>
  typeof value === 'object' ? value : [String(value)];

/** Says how long each step took. @returns since the beginning, in milliseconds */
function stopwatch(narrator: Narrator, beganAt: number): (what: string) => number {
  let last = beganAt;
  return (what) => {
    const now = performance.now();
    narrator.held(`${what} (${seconds(now - last)})`);
    last = now;
    return now - beganAt;
  };
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
