import type { NotAsNoted } from '../reconcile/seals/check-seals.js';
import type { OrphanEntry } from '../reconcile/verify/ledger-queries.js';
import { isWrong, type Verification } from '../reconcile/verify/verify-books.js';
import { PAUSE_OR_RESUME } from './balance-verify-pause.js';
import { payoutAdvice } from './balance-verify-payout-advice.js';
import type { Terminal } from './terminal.js';

export function sayWhatToDo(terminal: Terminal, result: Verification): void {
  const { totalMismatches } = result;
  terminal.out(`${totalMismatches} ${totalMismatches === 1 ? 'mismatch' : 'mismatches'}. `);
  terminal.out('Take a copy of the database first.\n');
  for (const line of adviceFor(result)) terminal.out(`${line}\n`);
}

/** A line for each thing that can be done about what was found. */
function adviceFor(result: Verification): string[] {
  const { seals, orphans, unfounded, digests, references, payouts, earlyConfirmations } = result;
  const ofSeals = seals.changed.count + seals.broken.count + seals.notAsNoted.length;
  const [changed] = [...seals.changed.shown, ...seals.notAsNoted.filter(isNotedHere)];
  const nobodys = orphans.shown.find(isOfNoCause);
  return [
    ...(hasWhatIsHealed(result) ? [REPAIR] : []),
    ...(references.count > 0 ? [REFER_AS_ADDRESS] : []),
    ...(earlyConfirmations.count > 0 ? [WAIT_AGAIN] : []),
    ...payoutAdvice(payouts.shown),
    ...(result.pauseTakenAway === null ? [] : [PAUSE_OR_RESUME]),
    ...(nobodys === undefined ? [] : [setBack(nobodys)]),
    ...(unfounded.count > 0 ? [TAKE_BACK] : []),
    ...(ofSeals > 0 ? [LOOK_FOR_WHO] : []),
    ...(changed === undefined ? [] : [acceptSeal(`${changed.chain}/${changed.seal}`)]),
    ...(seals.notAsNoted.every(isNotedHere) ? [] : [NOTED_OUTSIDE]),
    ...(digests.some(isWrong) ? [LOOK_FOR_BLOCKS] : []),
  ];
}

/** A repair books nothing after a payout whose row is in doubt. */
function hasWhatIsHealed({ mismatchCount, ledger, orphans, payouts }: Verification): boolean {
  const doubted = new Set(payouts.shown.flatMap(({ payoutId }) => payoutId ?? []));
  return (
    mismatchCount > 0 ||
    ledger.shown.some(({ payoutId }) => payoutId === null || !doubted.has(payoutId)) ||
    orphans.shown.some((entry) => !isOfNoCause(entry))
  );
}

const REPAIR =
  '`teller reconcile --repair` appends the entries that are lacking and sets balances to the sums of ' +
  'their entries.';

const REFER_AS_ADDRESS =
  '`teller reconcile --repair` gives payments the references of their addresses, where these still have what was ' +
  'audited of them.';

const WAIT_AGAIN =
  '`teller reconcile --repair` makes what was confirmed too early pending again; a block confirms it once it is deep ' +
  'enough.';

const TAKE_BACK =
  'Entries whose reason or bucket is the program’s always name a payment or payout: where nobody can say ' +
  'which, append the opposite of such an entry (same user, unit, bucket and reason, the other type), and let ' +
  '`teller reconcile --repair` set the balance. What people give or take goes to `available`, by a reason of ' +
  'their own.';

const LOOK_FOR_WHO =
  'The program never changes a sealed row: find out who did, from a backup and PostgreSQL’s own log.';

const isNotedHere = ({ notedIn }: NotAsNoted): boolean => notedIn === 'audit_log';

const NOTED_OUTSIDE =
  'What only the file of --against noted, nobody can accept here: the file stays as it is, and evidence.';

const acceptSeal = (seal: string): string =>
  `\`teller balance accept-seal ${seal} --reason TEXT\` then lets rows count as they are, by your name: each ` +
  'seal once you can answer for it.';

const LOOK_FOR_BLOCKS =
  '`teller digest --check` names the blocks whose rows were changed; `teller reconcile --repair` makes the rows what ' +
  'the chain says.';

/** No payment and no payout can ever be called that: the entry itself was edited. */
const isOfNoCause = ({ txHash, payoutId }: OrphanEntry): boolean =>
  (txHash !== null && !/^[0-9a-f]{64}$/.test(txHash)) ||
  (payoutId !== null && !/^[0-9a-f]{32}$/.test(payoutId));

const setBack = ({ id, txHash, payoutId }: OrphanEntry): string =>
  `Entry ${id} was edited: ${payoutId ?? txHash} is no ${payoutId === null ? 'transaction' : 'payout'} id. Nothing ` +
  'heals that but setting it back, and all others like it, to what a backup has.';
