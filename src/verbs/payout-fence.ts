import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Pool } from 'pg';
import { type FenceRequest, requestFence } from '../payouts/accepting/pause.js';
import { type FenceProgress, readFence } from '../payouts/model/control-queries.js';
import { actorOf } from '../payouts/model/identity.js';
import { operator } from './caller.js';
import { withDatabase } from './database.js';
import { finish, type JsonFlag, type VerbContext, wholeNumber, withExample } from './flags.js';
import { counted, EXIT, sayJson, type Terminal } from './terminal.js';

const TIMEOUT_DEFAULT_SECONDS = 600;
const LOOK_EVERY_MS = 500;
const LINE_EVERY_MS = 3_000;
/** Whoever pays looks every few seconds. */
const NOBODY_AFTER_MS = 15_000;

type Flags = JsonFlag & { readonly timeout: number };

export function addPayoutFence(payout: Command, context: VerbContext): void {
  withExample(
    payout
      .command('fence')
      .description('spends the hot wallet to itself, so that nothing signed before can land')
      .option(
        '--timeout <seconds>',
        'how long to wait until the transactions are submitted',
        wholeNumber(1, 86_400),
        TIMEOUT_DEFAULT_SECONDS,
      )
      .action((flags: Flags) => fence(context, flags)),
    'teller payout fence',
  );
}

async function fence(context: VerbContext, flags: Flags): Promise<void> {
  const { terminal } = context;
  await withDatabase(terminal, [], async ({ pool }) => {
    const request = await requestFence(pool, actorOf(operator()));
    if (request.type === 'paused') return tellPaused(context, request);
    const progress = await submitted(terminal, pool, request.before, flags.timeout * 1000);
    const done = progress !== null && stateOf(progress, request.before) === 'submitted';
    const transactions = progress?.transactions.map(({ txHash }) => txHash) ?? [];
    if (flags.json === true) sayJson(terminal, { submitted: done, transactions });
    if (done) {
      if (flags.json === true) return;
      for (const txHash of transactions) terminal.out(`${txHash}\n`);
      const count = counted(transactions.length, 'transaction');
      return terminal.out(
        transactions.length === 0
          ? 'the hot wallet has nothing to spend: nothing signed before can land\n'
          : `${count} submitted; payouts go on when PAYOUT_CONFIRMATIONS blocks lie above\n`,
      );
    }
    terminal.err(
      progress === null
        ? `teller: no fence was submitted within ${flags.timeout} s; the request stands\n`
        : "teller: the request was dropped: payouts aren't held, so there is nothing to fence\n",
    );
    finish(context, EXIT.failed);
  });
}

function tellPaused(
  context: VerbContext,
  { control }: Extract<FenceRequest, { type: 'paused' }>,
): void {
  const by = control.pausedBy ?? 'somebody';
  context.terminal.err(
    `teller: payouts are paused by ${by}, so that nothing is submitted, a fence neither: ` +
      'run `teller payout resume` first (while payouts are held nothing else goes out)\n',
  );
  finish(context, EXIT.failed);
}

type State = 'asked' | 'under_way' | 'submitted' | 'dropped';

/** @param before the generation of the fence before the one that was asked for */
function stateOf({ requested, generation, transactions }: FenceProgress, before: number): State {
  const isNew = generation > before || (requested && transactions.length > 0);
  if (!isNew) return requested ? 'asked' : 'dropped';
  return transactions.every((one) => one.submitted) ? 'submitted' : 'under_way';
}

/** Waits until it is decided. @returns null when time is up */
async function submitted(
  terminal: Terminal,
  pool: Pool,
  before: number,
  timeoutMs: number,
): Promise<FenceProgress | null> {
  const begun = Date.now();
  let told = begun;
  for (;;) {
    const progress = await readFence(pool);
    const state = stateOf(progress, before);
    if (state === 'submitted' || state === 'dropped') return progress;
    const waited = Date.now() - begun;
    if (waited >= timeoutMs) return null;
    if (Date.now() - told >= LINE_EVERY_MS) {
      told = Date.now();
      terminal.err(`${Math.round(waited / 1000)} s: ${tell(state, progress, waited)}\n`);
    }
    await sleep(Math.min(LOOK_EVERY_MS, timeoutMs - waited));
  }
}

function tell(state: State, { transactions }: FenceProgress, waitedMs: number): string {
  if (state === 'under_way') {
    const done = transactions.filter((one) => one.submitted).length;
    return `${done} of ${counted(transactions.length, 'transaction')} submitted`;
  }
  return waitedMs < NOBODY_AFTER_MS
    ? 'waiting for whoever pays'
    : 'nobody takes it up: is there a `teller run` with the role payouts, with its node and signer?';
}
