import type { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import type { RegistrationRequest } from '../payments/registration-request.js';

export type AddressRow = RegistrationRequest & {
  /** Where the row begins, the header being line 1. */
  readonly line: number;
  /** Of the file, up to the end of this row. */
  readonly bytesRead: number;
  /** Why the row can't be a registration; undefined where it can. */
  readonly problem: string | undefined;
};

/** The file as a whole can't be read on from here. */
export class CsvError extends Error {
  override readonly name = 'CsvError';
}

const COLUMNS = ['address', 'user_id', 'reference_type', 'reference_id'] as const;
/** A quote that is never closed would take the rest of the file for one field. */
const ROW_BYTES_MAX = 65_536;

type Parsed = { record: string[]; info: { lines: number; bytes: number } };

/** Rows of `address,user_id,reference_type,reference_id`, as they come in; the last two may be missing. */
export async function* readAddressRows(input: Readable): AsyncGenerator<AddressRow> {
  const parser = input.pipe(
    parse({
      bom: true,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: ROW_BYTES_MAX,
    }),
  );
  // `pipe` doesn't hand errors on: without this, a file that breaks off would be waited for for ever.
  input.once('error', (error) => parser.destroy(error));
  let columns: readonly string[] | undefined;
  let read = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      if (columns === undefined) columns = readHeader(record);
      else yield toRow(columns, record, info.lines - linesWithin(record), info.bytes);
      read = info.lines;
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_')) {
      throw new CsvError(`line ${read + 1}: ${error.message}`);
    }
    throw error;
  }
  if (columns === undefined) throw new CsvError(`is empty; wanted the header ${COLUMNS.join(',')}`);
}

/** The parser counts to the end of a row; a quoted field may hold line breaks. */
const linesWithin = (record: readonly string[]): number =>
  record.reduce((sum, field) => sum + field.split('\n').length - 1, 0);

function readHeader(record: readonly string[]): readonly string[] {
  const columns = record.map((name) => name.trim().toLowerCase());
  const isKnown = columns.every((name) => (COLUMNS as readonly string[]).includes(name));
  const isWhole = columns.includes('address') && columns.includes('user_id');
  if (isKnown && isWhole && new Set(columns).size === columns.length) return columns;
  throw new CsvError(
    `line 1: given the header ${JSON.stringify(record.join(','))}, wanted ${COLUMNS.join(',')}`,
  );
}

function toRow(
  columns: readonly string[],
  record: readonly string[],
  line: number,
  bytesRead: number,
): AddressRow {
  const cell = (name: string): string => record[columns.indexOf(name)]?.trim() ?? '';
  const orNull = (text: string): string | null => (text === '' ? null : text);
  return {
    address: cell('address'),
    userId: cell('user_id'),
    referenceType: orNull(cell('reference_type')),
    referenceId: orNull(cell('reference_id')),
    line,
    bytesRead,
    problem:
      record.length === columns.length
        ? undefined
        : `has ${record.length} fields where the header has ${columns.length}`,
  };
}
