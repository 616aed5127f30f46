import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Pool } from 'pg';
import {
  REGISTRATIONS_PER_BATCH_MAX,
  type RegistrationDeps,
  type RegistrationOutcome,
  registerAddresses,
} from '../payments/registration.js';
import { type AddressRow, CsvError, readAddressRows } from './address-csv.js';
import { refuseOtherNetwork, withDatabase } from './database.js';
import { finish, type JsonFlag, type VerbContext } from './flags.js';
import { startProgress } from './progress.js';
import { EXIT, printable, sayJson, type Terminal, UsageError } from './terminal.js';

/** `backfill`: for all rows; the file knows nothing of it. */
export type ImportFlags = JsonFlag & { readonly backfill?: true };

type Counts = Record<RegistrationOutcome, number>;

/** Registers the good rows whatever the others are, and tells of each that isn't: line, address, why. */
export async function importAddresses(
  context: VerbContext,
  file: string,
  flags: ImportFlags,
): Promise<void> {
  const { terminal } = context;
  const names = ['network', 'partitionId', 'hotWalletAddress'] as const;
  const counts: Counts = { created: 0, exists: 0, conflict: 0, invalid: 0 };
  await withDatabase(terminal, names, async ({ pool, settings }) => {
    const { input, bytes } = await openInput(file);
    await refuseOtherNetwork(pool, settings);
    const progress = startProgress(terminal, 'rows', bytes, () => Date.now());
    try {
      const tell = problemTeller(terminal, flags);
      for await (const rows of inBatches(readAddressRows(input))) {
        const wanted = rows.map((row) => ({ ...row, backfill: flags.backfill === true }));
        await registerRows(pool, wanted, { ...settings, actor: 'cli' }, counts, tell);
        progress.advance(rows.length, rows.at(-1)?.bytesRead ?? 0);
      }
    } catch (error) {
      throw usageErrorOf(error, file, counts);
    } finally {
      progress.stop();
      input.destroy();
    }
    saySummary(terminal, flags, counts);
    finish(context, counts.conflict + counts.invalid > 0 ? EXIT.failed : EXIT.done);
  });
}

async function openInput(file: string): Promise<{ input: Readable; bytes: number | null }> {
  if (file === '-') return { input: process.stdin, bytes: null };
  try {
    const { size } = await stat(file);
    return { input: createReadStream(file), bytes: size };
  } catch {
    throw new UsageError(`FILE: given ${file}, wanted a CSV file that can be read`);
  }
}

/** What stands before the mistake was registered; the same file can be imported again. */
function usageErrorOf(error: unknown, file: string, counts: Counts): unknown {
  const isFileError = error instanceof Error && 'syscall' in error && error.syscall === 'read';
  if (!(error instanceof CsvError) && !isFileError) return error;
  const done = counts.created + counts.exists;
  return new UsageError(`${file}: ${error.message} (registered before: ${done})`);
}

async function* inBatches(rows: AsyncIterable<AddressRow>): AsyncGenerator<AddressRow[]> {
  let batch: AddressRow[] = [];
  for await (const row of rows) {
    batch.push(row);
    if (batch.length === REGISTRATIONS_PER_BATCH_MAX) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

type TellProblem = (row: AddressRow, outcome: RegistrationOutcome, detail: string) => void;

async function registerRows(
  pool: Pool,
  rows: readonly AddressRow[],
  deps: RegistrationDeps,
  counts: Counts,
  tell: TellProblem,
): Promise<void> {
  const whole = rows.filter((row) => row.problem === undefined);
  const results = await registerAddresses(pool, whole, deps);
  const outcomes = new Map(whole.map((row, index) => [row, results[index]] as const));
  for (const row of rows) {
    const result = outcomes.get(row);
    const outcome = result?.outcome ?? 'invalid';
    counts[outcome] += 1;
    if (outcome === 'conflict' || outcome === 'invalid') {
      tell(row, outcome, row.problem ?? result?.detail ?? '');
    }
  }
}

const problemTeller =
  (terminal: Terminal, flags: JsonFlag): TellProblem =>
  ({ line, address }, outcome, detail) => {
    if (flags.json === true) sayJson(terminal, { line, address, outcome, detail });
    else terminal.err(`line ${line}: ${printable(address)}: ${outcome}: ${detail}\n`);
  };

function saySummary(terminal: Terminal, flags: JsonFlag, counts: Counts): void {
  if (flags.json === true) return sayJson(terminal, { summary: counts });
  const { created, exists, conflict, invalid } = counts;
  terminal.out(
    `${created} new, ${exists} known already, ${conflict} in conflict, ${invalid} invalid\n`,
  );
}
