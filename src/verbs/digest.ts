import { type Command, Option } from 'commander';
import type { Pool } from 'pg';
import { atOneMoment, type Queryable } from '../database/transaction.js';
import { readCursorProblem } from '../payments/cursor/cursor-queries.js';
import { problemWords } from '../payments/cursor/judge-cursor.js';
import { checkDigest, type DigestCheck } from '../payments/digest/check-digest.js';
import { readDigest } from '../payments/digest/digest-queries.js';
import { refuseOtherNetwork, withDatabase } from './database.js';
import { finish, type JsonFlag, type VerbContext, wholeNumber, withExample } from './flags.js';
import {
  counted,
  EXIT,
  sayFields,
  sayJson,
  sayTable,
  type Terminal,
  UsageError,
} from './terminal.js';

type DigestFlags = JsonFlag & { readonly at?: number; readonly check?: boolean };

export function addDigestVerb(program: Command, context: VerbContext): void {
  withExample(
    program
      .command('digest')
      .description(
        'one value for all outputs and spends at watched addresses: equal books, equal digests',
      )
      .addOption(
        new Option(
          '--at <height>',
          'right after the block at that height; default: the last one',
        ).argParser(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
      )
      .option(
        '--check',
        'computes it again from the tables; exit 3 where they differ, and from which block on',
      )
      .action((flags: DigestFlags) => digest(context, flags)),
    'teller digest --at 11000000',
    'teller digest --check',
  );
}

async function digest(context: VerbContext, flags: DigestFlags): Promise<void> {
  await withDatabase(context.terminal, ['network', 'partitionId'], async ({ pool, settings }) => {
    await refuseOtherNetwork(pool, settings);
    const height = await heightOf(pool, settings.partitionId, flags.at);
    await (flags.check === true ? check : show)(context, pool, settings.partitionId, height, flags);
  });
}

const CURSOR = `
  select last_block_height::text as height from sync_state where partition_id = $1`;

/** Above the cursor there is no digest yet: it would be told for a height that it isn't of. */
async function heightOf(pool: Pool, partitionId: number, at: number | undefined): Promise<number> {
  const cursor = await cursorHeight(pool, partitionId);
  if (at === undefined) return cursor;
  if (at <= cursor) return at;
  throw new UsageError(`--at: given ${at}, but these books end at height ${cursor}`);
}

async function cursorHeight(db: Queryable, partitionId: number): Promise<number> {
  const { rows } = await db.query<{ height: string | null }>(CURSOR, [partitionId]);
  // Whatever another hand made of it: reconciling says so.
  return Math.min(Number(rows[0]?.height ?? NOTHING_YET), Number.MAX_SAFE_INTEGER);
}
const NOTHING_YET = -1;

type Say = (
  context: VerbContext,
  pool: Pool,
  partitionId: number,
  height: number,
  flags: DigestFlags,
) => Promise<void>;

const show: Say = async ({ terminal }, pool, partitionId, height, flags) => {
  const found = await readDigest(pool, partitionId, height);
  const shown = { partitionId, height, digest: found.digest, lastFactsAt: found.height };
  if (flags.json === true) sayJson(terminal, shown);
  else sayFields(terminal, shown);
};

const check: Say = async (context, pool, partitionId, _height, flags) => {
  const { terminal } = context;
  // Without a height all of it, rows above the cursor too: there should be none.
  const { result, cursor, problem } = await atOneMoment(pool, async (tx) => ({
    cursor: await cursorHeight(tx, partitionId),
    problem: flags.at === undefined ? await readCursorProblem(tx, partitionId) : null,
    result: await checkDigest(tx, partitionId, flags.at),
  }));
  const cursorProblem = problem === null ? null : problemWords(problem);
  if (flags.json === true) sayJson(terminal, { partitionId, ...result, cursorProblem });
  else sayCheck(terminal, result, cursor, cursorProblem);
  const agrees = result.firstDifference === null && cursorProblem === null;
  finish(context, agrees ? EXIT.done : EXIT.discrepancies);
};

function sayCheck(
  terminal: Terminal,
  result: DigestCheck,
  cursor: number,
  cursorProblem: string | null,
): void {
  sayDifferences(terminal, result);
  if (cursorProblem !== null) terminal.out(`${cursorProblem}\n`);
  else sayWhatToDo(terminal, result, cursor);
}

function sayDifferences(terminal: Terminal, result: DigestCheck): void {
  const { blocks, stored, recomputed, firstDifference, differing } = result;
  if (firstDifference === null) {
    terminal.out(`the digest is that of the tables, in ${counted(blocks, 'block')}: ${stored}\n`);
    return;
  }
  sayFields(terminal, { stored, recomputed, 'first difference at': firstDifference.height });
  sayTable(terminal, differing, [
    ['ABOVE', (row) => row.above],
    ['UP TO', (row) => row.upTo],
  ]);
}

function sayWhatToDo(
  terminal: Terminal,
  { firstDifference, differing }: DigestCheck,
  cursor: number,
): void {
  if (firstDifference === null) return;
  if (firstDifference.height <= cursor) {
    terminal.out(
      'rows of these blocks, or those of the digest, were changed by another hand: `teller reconcile` says which, ' +
        '`teller reconcile --repair` heals what it can prove, `teller rebuild --from origin` the rest\n',
    );
  }
  if ((differing.at(-1)?.upTo ?? cursor) > cursor) {
    terminal.out(
      `above height ${cursor} no block was followed, and nothing should stand there: \`teller reconcile --repair\` ` +
        'takes it away\n',
    );
  }
}
