import type { Pool } from 'pg';
import { describeDatabaseError } from '../database/pool.js';
import { readCursorProblems } from '../payments/cursor/cursor-queries.js';
import { problemWords } from '../payments/cursor/judge-cursor.js';
import { actorOf } from '../payouts/model/identity.js';
import type { OrphanEntry } from '../reconcile/verify/ledger-queries.js';
import { refuseUnfinishedBooks } from '../reconcile/verify/unfinished-books.js';
import { noteVerification } from '../reconcile/verify/verification-queries.js';
import { isWrong, type Verification, verifyBooks } from '../reconcile/verify/verify-books.js';
import { withVerifyingPool } from '../reconcile/verify/verifying-pool.js';
import { sayWhatToDo } from './balance-verify-advice.js';
import { sayPause } from './balance-verify-pause.js';
import { sayReserves } from './balance-verify-reserves.js';
import { sayFound, sayRows } from './balance-verify-rows.js';
import { operator } from './caller.js';
import { refuseNetworkGiven, withDatabase } from './database.js';
import { finish, type JsonFlag, type VerbContext } from './flags.js';
import { untilInterrupted } from './interruption.js';
import { startProgress } from './progress.js';
import { readSealNotes } from './seal-notes.js';
import {
  type Column,
  counted,
  EXIT,
  sayJson,
  showAmount,
  showUnit,
  type Terminal,
} from './terminal.js';

export type VerifyFlags = JsonFlag & { readonly against?: string; readonly reserves?: true };

export async function verifyBalances(context: VerbContext, flags: VerifyFlags): Promise<void> {
  const { terminal } = context;
  const notes = flags.against === undefined ? {} : await readSealNotes(flags.against);
  await withDatabase(terminal, [], async ({ pool, settings }) => {
    await refuseNetworkGiven(pool, terminal.environment);
    await refuseUnfinishedBooks(pool);
    const result = await tellingHowFar(terminal, (onProgress) =>
      untilInterrupted((signal) =>
        withVerifyingPool(settings.databaseDirectUrl.reveal(), signal, (own) =>
          verifyBooks(own, { notes, onProgress }),
        ),
      ),
    );
    await note(terminal, pool, result);
    const cursorProblems = (await readCursorProblems(pool)).map(problemWords);
    if (flags.json === true) sayJson(terminal, { ...result, cursorProblems });
    else {
      say(terminal, result);
      for (const problem of cursorProblems) terminal.out(`${problem}\n`);
    }
    const isShort = flags.reserves === true && result.shortfall.units > 0;
    const agrees = result.totalMismatches === 0 && !isShort && cursorProblems.length === 0;
    finish(context, agrees ? EXIT.done : EXIT.discrepancies);
  });
}

const LOOK_EVERY_MS = 200;

/** Parts of the books end seconds after each other: the time that is left goes on meanwhile. */
async function tellingHowFar<T>(
  terminal: Terminal,
  work: (onProgress: (done: number, known: number) => void) => Promise<T>,
): Promise<T> {
  const progress = startProgress(terminal, 'parts of the books', 1, Date.now);
  let [told, share] = [0, 0];
  let done = 0;
  const look = setInterval(() => {
    progress.advance(done - told, share);
    told = done;
  }, LOOK_EVERY_MS);
  try {
    return await work((ended, known) => {
      done = ended;
      share = ended / known;
    });
  } finally {
    clearInterval(look);
    progress.stop();
  }
}

/** The metrics tell of the last one. A copy that can only be read is verified all the same. */
async function note(terminal: Terminal, pool: Pool, result: Verification): Promise<void> {
  try {
    await noteVerification(pool, actorOf(operator()), result);
  } catch (error) {
    terminal.err(`not noted for the metrics: ${describeDatabaseError(error)}\n`);
  }
}

function say(terminal: Terminal, result: Verification): void {
  sayBalances(terminal, result);
  sayManualEntries(terminal, result);
  sayLedger(terminal, result);
  sayPayouts(terminal, result);
  sayPause(terminal, result);
  sayReferences(terminal, result);
  sayEarlyConfirmations(terminal, result);
  saySeals(terminal, result);
  sayDigests(terminal, result);
  sayReserves(terminal, result);
  if (result.totalMismatches > 0) sayWhatToDo(terminal, result);
}

function sayBalances(terminal: Terminal, result: Verification): void {
  const { balances, entries, mismatchCount, mismatches } = result;
  if (mismatchCount === 0) {
    const equal = balances === 1 ? 'equals the sum of its' : 'equal the sums of their';
    const ofEntries = entries === 1 ? '1 ledger entry' : `${entries} ledger entries`;
    terminal.out(`${counted(balances, 'balance')} ${equal} ${ofEntries}\n`);
    return;
  }
  const differ = mismatchCount === 1 ? 'differs from its' : 'differ from their';
  terminal.out(`${mismatchCount} of ${counted(balances, 'balance')} ${differ} ledger\n`);
  sayRows(terminal, { count: mismatchCount, shown: mismatches }, [
    ['USER', (row) => row.userId],
    ['UNIT', (row) => row.unit],
    ['RECORDED', (row) => bucketsOf(row.recorded)],
    ['LEDGER SAYS', (row) => bucketsOf(row.computed)],
  ]);
}

type Buckets = { readonly available: string; readonly held: string; readonly pending: string };
const bucketsOf = ({ available, held, pending }: Buckets): string =>
  `available ${available}, held ${held}, pending ${pending}`;

function sayManualEntries(terminal: Terminal, { manualEntries }: Verification): void {
  const { count, units } = manualEntries;
  if (count === 0) return;
  const entries = count === 1 ? '1 entry' : `${count} entries`;
  terminal.out(`of these ${entries} by hand, which no payment or payout answers for:\n`);
  sayRows(terminal, { count: units.length, shown: units }, [
    ['BY HAND', (row) => showUnit(row.unit)],
    ['ENTRIES', (row) => row.entries],
    ['CREDITS LESS DEBITS', (row) => showAmount(row.unit, row.sum)],
  ]);
}

function sayLedger(terminal: Terminal, result: Verification): void {
  const { ledger, orphans, unfounded, held } = result;
  sayFound(terminal, ledger, 'booked otherwise than its payment or payout stands', [
    ['PAYMENT OR PAYOUT', causeOf],
    ['USER', (row) => row.userId],
    ['UNIT', (row) => row.unit],
    ['BUCKET', (row) => row.bucket],
    ['BOOKED', (row) => row.booked],
    ['EXPECTED', (row) => row.expected],
  ]);
  sayFound(terminal, orphans, 'of a payment or payout that does not exist', [
    ['ENTRY', (row) => row.id],
    ['PAYMENT OR PAYOUT', causeOf],
    ...ENTRY,
  ]);
  sayFound(terminal, unfounded, 'an entry that names neither a payment nor a payout', [
    ['ENTRY', (row) => row.id],
    ['REASON', (row) => row.reason],
    ...ENTRY,
  ]);
  sayFound(terminal, held, 'held otherwise than its open payouts hold', [
    ['USER', (row) => row.userId],
    ['UNIT', (row) => row.unit],
    ['HELD', (row) => row.held],
    ['OPEN PAYOUTS', (row) => row.openPayouts],
  ]);
}

const ENTRY: readonly Column<OrphanEntry>[] = [
  ['USER', (row) => row.userId],
  ['UNIT', (row) => row.unit],
  ['BUCKET', (row) => row.bucket],
  ['TYPE', (row) => row.type],
  ['AMOUNT', (row) => row.amount],
];

const causeOf = (row: {
  readonly txHash: string | null;
  readonly outputIndex: number | null;
  readonly payoutId: string | null;
}): string => row.payoutId ?? `${row.txHash}#${row.outputIndex}`;

function sayPayouts(terminal: Terminal, { payouts }: Verification): void {
  sayFound(terminal, payouts, 'a payout that is not what its transactions say', [
    ['PAYOUT', (row) => row.payoutId ?? '-'],
    ['STATUS', (row) => row.status ?? '-'],
    ['TRANSACTION', (row) => row.txHash ?? '-'],
    ['PROBLEM', (row) => row.problem],
    ['RECORDED', (row) => row.recorded],
    ['FOUND', (row) => row.found],
  ]);
}

function sayReferences(terminal: Terminal, { references }: Verification): void {
  sayFound(terminal, references, 'a payment with other references than its address', [
    ['PAYMENT', (row) => row.payment],
    ['USER', (row) => row.userId],
    ['RECORDED', (row) => referencesOf(row.recorded)],
    ['OF ADDRESS', (row) => referencesOf(row.ofAddress)],
  ]);
}

const referencesOf = (row: {
  readonly referenceType: string | null;
  readonly referenceId: string | null;
}): string => `${row.referenceType ?? '-'} ${row.referenceId ?? '-'}`;

function sayEarlyConfirmations(terminal: Terminal, { earlyConfirmations }: Verification): void {
  sayFound(
    terminal,
    earlyConfirmations,
    'a payment that is confirmed too early, and was never told to be',
    [
      ['PAYMENT', (row) => row.payment],
      ['USER', (row) => row.userId],
      ['CONFIRMATIONS', (row) => row.confirmations],
      ['REQUIRED', (row) => row.requiredConfirmations],
    ],
  );
}

function saySeals(terminal: Terminal, { seals, overdueSealings }: Verification): void {
  const { changed, broken, notAsNoted, chains } = seals;
  sayFound(terminal, changed, 'rows edited, deleted or added after they were sealed', [
    ['CHAIN', (row) => row.chain],
    ['SEAL', (row) => row.seal],
    ['IDS', (row) => `${row.firstId}-${row.lastId}`],
    ['ROWS SEALED', (row) => row.rowsSealed],
    ['ROWS NOW', (row) => row.rowsNow],
  ]);
  sayFound(terminal, broken, 'a seal that does not follow from the one before it', [
    ['CHAIN', (row) => row.chain],
    ['SEAL', (row) => row.seal],
    ['STORED', (row) => row.stored],
    ['EXPECTED', (row) => row.expected],
  ]);
  sayFound(
    terminal,
    { count: notAsNoted.length, shown: notAsNoted },
    'a seal that is not what was noted of it',
    [
      ['CHAIN', (row) => row.chain],
      ['SEAL', (row) => row.seal],
      ['NOTED IN', (row) => row.notedIn.replace('_', ' ')],
      ['NOTED', (row) => row.noted],
      ['STORED', (row) => row.stored],
    ],
  );
  const sealed = chains.map(({ chain, rows }) => `${rows} of the ${NAMES[chain]}`).join(', ');
  terminal.out(`rows under seal: ${sealed}\n`);
  for (const { chain, since, areNoneSealed } of overdueSealings) {
    const which = areNoneSealed ? 'no row' : 'no newer row';
    terminal.out(
      `warning: ${which} of the ${NAMES[chain]} is under a seal, though one was written at ${since.toISOString()}: a ` +
        'leader seals within seconds. Either none has led since, or seals were deleted, which ' +
        '`--against FILE` tells\n',
    );
  }
}
const NAMES = { ledger: 'ledger', audit: 'audit log' } as const;

function sayDigests(terminal: Terminal, { digests }: Verification): void {
  const wrong = digests.filter(isWrong);
  sayFound(
    terminal,
    { count: wrong.length, shown: wrong },
    'a state digest that is not that of its tables',
    [
      ['PARTITION', (row) => row.partitionId],
      [
        'FROM HEIGHT',
        (row) => ('problem' in row ? row.problem : (row.firstDifference?.height ?? null)),
      ],
    ],
  );
}
