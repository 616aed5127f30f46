import type { PayoutMismatch } from '../reconcile/verify/payout-check-queries.js';

const BY_HAND = 'No repair changes a payout’s row.';

const ASK_THE_CHAIN =
  `${BY_HAND} Pause payouts, look in an explorer whether the chain paid it, and give its row, its attempts and their ` +
  'transactions back what the chain says.';
const GIVE_BACK =
  'Rows of payouts and of their transactions are never deleted. Pause payouts, look in an explorer what was paid, and give ' +
  'back from a backup what is gone; ops/runbooks/PayoutsPaused.md has how a person answers for what can’t be given back.';
const AS_AUDITED =
  `${BY_HAND} Its audit entries say what was asked for: ops/runbooks/PayoutsPaused.md has the statements that set ` +
  'it back.';
const APPROVE =
  `${BY_HAND} Set it back to \`awaiting_approval\`, as in ops/runbooks/PayoutsPaused.md: then a second person runs ` +
  '`teller payout approve ID`, or somebody `teller payout cancel ID`.';
const DOES_NOT_WAIT =
  `${BY_HAND} One that waits for an approval it doesn’t need is never paid: set its status back to what the audit ` +
  'log and its transactions say.';
const NOT_ENDED =
  `${BY_HAND} One that nobody ended is still owed: set its status back to what the audit log and its transactions ` +
  'say, and `booked` with it; `teller payout cancel ID` then ends what is to be ended.';
const STRANDED =
  `${BY_HAND} Whoever pays doesn’t see a payout \`submitted\` without an attempt, or in a batch that was let go: ` +
  'open that batch again, or, where nothing was signed, set the payout back to `queued` without batch and transaction.';
const TELL =
  'A confirmation that no event tells: set the payout back to `in_block`, with no `confirmed_at`, and the next block ' +
  'that confirms it tells so.';
const OWN_COLUMNS =
  `${BY_HAND} \`booked\` is whether a user’s payout neither failed nor was cancelled, \`confirmed_at\` the time of ` +
  'its event `payout.confirmed`, of confirmed ones alone.';

const ADVICE: Readonly<Record<PayoutMismatch['problem'], string>> = {
  not_in_block: ASK_THE_CHAIN,
  block_height: ASK_THE_CHAIN,
  fee: ASK_THE_CHAIN,
  unnoticed: ASK_THE_CHAIN,
  paid_twice: ASK_THE_CHAIN,
  told_confirmed: ASK_THE_CHAIN,
  told_submitted: ASK_THE_CHAIN,
  may_land: ASK_THE_CHAIN,
  no_common_input: ASK_THE_CHAIN,
  no_transaction: ASK_THE_CHAIN,
  attempts: ASK_THE_CHAIN,
  inputs: ASK_THE_CHAIN,
  change: ASK_THE_CHAIN,
  unknown_spend: GIVE_BACK,
  no_row: GIVE_BACK,
  accepted_twice: GIVE_BACK,
  not_accepted: AS_AUDITED,
  not_as_accepted: AS_AUDITED,
  ended: AS_AUDITED,
  not_approved: APPROVE,
  not_awaiting: DOES_NOT_WAIT,
  not_ended: NOT_ENDED,
  stranded: STRANDED,
  untold: TELL,
  booked: OWN_COLUMNS,
  confirmed_at: OWN_COLUMNS,
};

/** A line for each thing to do, with what it is for. */
export function payoutAdvice(shown: readonly PayoutMismatch[]): string[] {
  const problems = new Map<string, Set<string>>();
  for (const { problem } of shown) {
    const of = problems.get(ADVICE[problem]) ?? new Set();
    problems.set(ADVICE[problem], of.add(problem));
  }
  return [...problems].map(([advice, of]) => `${[...of].sort().join(', ')}: ${advice}`);
}
