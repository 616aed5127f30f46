import type { Pool } from 'pg';
import { checkAddress } from '../chain/address.js';
import type { Page } from '../payments/pages.js';
import { withDatabase } from './database.js';
import { type JsonFlag, sayNextPage } from './flags.js';
import { type Column, sayJson, sayTable, type Terminal, UsageError } from './terminal.js';

/**
 * Works on the database with the address that a list is narrowed to, spelled as the chain writes it. Only
 * where there is such a flag the network needs to be known. @throws UsageError
 */
export async function withAddressFilter(
  terminal: Terminal,
  flag: { readonly name: string; readonly given: string | undefined },
  work: (pool: Pool, address: string | undefined) => Promise<void>,
): Promise<void> {
  const { name, given } = flag;
  if (given === undefined) return withDatabase(terminal, [], ({ pool }) => work(pool, undefined));
  return withDatabase(terminal, ['network'], ({ pool, settings }) => {
    const checked = checkAddress(given, settings.network);
    if (!checked.ok) throw new UsageError(`${name}: given ${given}: ${checked.problem}`);
    return work(pool, checked.address.text);
  });
}

/** A page as a table, or as it is. */
export function sayPage<T>(
  terminal: Terminal,
  flags: JsonFlag,
  page: Page<T>,
  { none, columns }: { readonly none: string; readonly columns: readonly Column<T>[] },
): void {
  if (flags.json === true) return sayJson(terminal, page);
  if (page.items.length === 0) return terminal.out(`${none}\n`);
  sayTable(terminal, page.items, columns);
  sayNextPage(terminal, page.nextCursor);
}
