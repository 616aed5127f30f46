import type { LogLine } from './instance.js';
import type { Narrator, Speaker } from './narrator.js';

const LOVELACE_PER_ADA = 1_000_000n;

/** `1.5 ada`; exact, and without the zeros that say nothing. */
export function ada(lovelace: bigint | string): string {
  const amount = BigInt(lovelace);
  const whole = (amount < 0n ? -amount : amount) / LOVELACE_PER_ADA;
  const rest = (amount < 0n ? -amount : amount) % LOVELACE_PER_ADA;
  const fraction = rest === 0n ? '' : `.${rest.toString().padStart(6, '0').replace(/0+$/, '')}`;
  return `${amount < 0n ? '-' : ''}${whole}${fraction} ada`;
}

export const short = (hash: string): string => `${hash.slice(0, 8)}…`;

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Tells a worker's log in plain words. Lines that mean nothing to somebody watching are left out. */
export function tellLog(narrator: Narrator, speaker: Speaker, line: LogLine): void {
  const words = WORDS[line.event ?? '']?.(line);
  if (words === '') return;
  if (words !== undefined) narrator.say(speaker, words);
  else if (line.level === 'error') narrator.say(speaker, `error: ${line.msg ?? ''}`);
}

/** By log event; the others mean little to somebody watching. */
const WORDS: Readonly<Record<string, (line: LogLine) => string>> = {
  standby: () => 'I stand by',
  leader_acquired: (line) => `I lead now (epoch ${line.epoch ?? '?'})`,
  leader_lost: (line) => `I lead no more: ${line.reason ?? ''}`,
  rollback: (line) =>
    `the chain took ${count(Number(line.blocks_rolled_back), 'block')} back, ` +
    `${count(Number(line.affected_payments), 'payment')} with them`,
  payment_detected: (line) =>
    line.status === 'ignored'
      ? `saw ${paid(line)} and ignored it: below MIN_PAYMENT_LOVELACE`
      : `detected ${paid(line)}${again(line)}: pending, ` +
        `needs ${line.required_confirmations ?? '?'} confirmations`,
  payment_confirmed: (line) =>
    `confirmed ${paid(line)}, ${Number(line.latency_seconds).toFixed(1)} s after detection`,
  payment_rolled_back: (line) => `rolled back ${paid(line)}`,
  payer_acquired: (line) => `I pay now (epoch ${line.epoch ?? '?'})`,
  payer_lost: (line) => `I pay no more: ${line.reason ?? ''}`,
  payout_submitted: (line) => `signed ${sent(line)}: written down, then submitted`,
  payout_in_block: (line) => `${sent(line)} is in block ${line.block_height ?? '?'}`,
  payout_confirmed: (line) => `confirmed ${sent(line)}`,
  payout_rolled_back: (line) => `${sent(line)}: its block is gone, I submit the same bytes again`,
  payouts_held: (line) => `I hold payouts: ${line.reason ?? ''}`,
  reconciliation_discrepancy: (line) =>
    `${line.state === 'repaired' ? 'repaired' : 'found'} ${line.type ?? ''}: ` +
    `${either(line.recorded_lovelace)} in the books, ${either(line.on_chain_lovelace)} on the chain`,
  // Each difference was told.
  reconciliation_finished: () => '',
};

const either = (lovelace: LogLine[string]): string =>
  lovelace === null || lovelace === undefined ? 'nothing' : ada(String(lovelace));

function paid(line: LogLine): string {
  const assets = Number(line.assets ?? 0);
  const tokens = assets === 0 ? '' : ` and ${count(assets, 'native asset')}`;
  return `${ada(String(line.amount_lovelace ?? 0))}${tokens} for ${line.user_id ?? '?'}`;
}

/** A payout without a user is the company's own. */
const sent = (line: LogLine): string =>
  `the payout of ${ada(String(line.amount_lovelace ?? 0))} for ${line.user_id ?? 'the company'}`;

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

const again = (line: LogLine): string =>
  Number(line.inclusion) > 1 ? ` again (inclusion ${String(line.inclusion)})` : '';
