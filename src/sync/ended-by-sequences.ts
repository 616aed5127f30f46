import type { Pool } from 'pg';
import { isTransient } from '../database/pool.js';
import { sequencesBehind } from '../database/sequence-queries.js';
import { ConnectionEnded, KeyRefused } from './connection.js';
import { BooksContradict } from './contradiction.js';
import { ChainRefused, TermOver, UndecodableBlock } from './follower.js';

const OTHERS = [
  BooksContradict,
  ChainRefused,
  ConnectionEnded,
  KeyRefused,
  TermOver,
  UndecodableBlock,
] as const;

/**
 * Set back in the middle of a term, a sequence makes what is booked look as if it were booked twice, again
 * and again: the next term begins with setting it right.
 */
export async function endedBySequences(
  pool: Pool,
  error: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  if (signal.aborted || isTransient(error) || OTHERS.some((kind) => error instanceof kind)) {
    return error;
  }
  const behind = await sequencesBehind(pool).catch(() => []);
  if (behind.length === 0) return error;
  const names = behind.map(({ sequence, table }) => `${sequence} (of ${table})`).join(', ');
  return new TermOver(
    `sequences hand out ids that their tables have already: ${names}; another term sets them right`,
  );
}
