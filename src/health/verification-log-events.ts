import type { MismatchKind, ProofEvent } from '../reconcile/model/proof-events.js';
import { type LogLine, line } from './log-line.js';

const MESSAGES: Readonly<Record<MismatchKind, string>> = {
  balance: 'a balance is not the sum of its entries',
  ledger: 'a payment or payout is booked otherwise than it stands',
  orphan: 'an entry is of a payment or payout that does not exist',
  unfounded: 'an entry names neither a payment nor a payout, and is not a person’s',
  held: 'what is held of a user is not what open payouts hold',
  payout: 'a payout is not what its transactions say',
  pause: 'a person paused payouts, nobody resumed them, and they are not paused',
  references: 'a payment has not the references of its address',
  early_confirmation: 'a payment is confirmed and not deep enough, and nobody was told that it is',
  sealed_rows: 'rows were edited, deleted or added after they were sealed',
  seal: 'a seal does not follow from the one before it',
  noted_seal: 'a seal is not what was noted of it',
  digest: 'the state digest is not that of its tables',
};

/** `teller balance verify` shows more; a log that drowns is read by nobody. */
const LOGGED_MAX = 100;

/** What a verification found, and that it was made. */
export function verifiedLines(event: Extract<ProofEvent, { type: 'verified' }>): LogLine[] {
  const logged = event.shown.slice(0, LOGGED_MAX);
  const fields = {
    balances: event.balances,
    entries: event.entries,
    mismatches: event.mismatches,
    logged: logged.length,
    manual_entries: event.manualEntries,
  };
  return [
    ...logged.map(([kind, mismatch]) =>
      line('error', 'balance_mismatch', { kind, ...mismatch }, MESSAGES[kind]),
    ),
    ...event.shortfalls.map(({ unit, owed, treasury }) =>
      line('warn', 'reserves_short', { unit, owed, treasury }, SHORT),
    ),
    ...event.overdueSealings.map(({ chain, since }) =>
      line('warn', 'sealing_overdue', { chain, since }, 'rows are under no seal'),
    ),
    line('info', 'balances_verified', fields, 'balances verified'),
  ];
}

const SHORT = 'the wallets hold less than users are owed';
