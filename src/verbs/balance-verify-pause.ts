import type { Verification } from '../reconcile/verify/verify-books.js';
import { sayFound } from './balance-verify-rows.js';
import type { Terminal } from './terminal.js';

export function sayPause(terminal: Terminal, { pauseTakenAway }: Verification): void {
  const shown = pauseTakenAway === null ? [] : [pauseTakenAway];
  const found = { count: shown.length, shown };
  sayFound(terminal, found, 'payouts were paused, nobody resumed them, and they are not paused', [
    ['PAUSED BY', (row) => row.by],
    ['SINCE', (row) => row.at],
    ['REASON', (row) => row.reason],
  ]);
}

export const PAUSE_OR_RESUME =
  'Whoever pays pauses payouts again as soon as it looks. Ask who paused them, and find out who took that away; ' +
  '`teller payout resume` ends it.';
