/** Part of a list. `nextCursor` is null on the last page. */
export type Page<T> = { readonly items: readonly T[]; readonly nextCursor: string | null };

export const PAGE_LIMIT_MAX = 500;
export const PAGE_LIMIT_DEFAULT = 100;

/** A part of a cursor: a timestamp as PostgreSQL writes it, without zone, also one that no clock shows. */
export const EXACT_TIME = /^-?infinity$|^\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?(?: BC)?$/;

const NOT_OURS =
  'the cursor is none of ours: give what the page before of the same list ended with';

/** A cursor that isn't one of ours, or one of another list. */
export class CursorError extends Error {
  override readonly name = 'CursorError';
}

/**
 * The sort key of the last row of a page, as text. Keys and not offsets: rows that come in meanwhile
 * move nothing to another page.
 */
export const writeCursor = (list: string, key: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify([list, ...key])).toString('base64url');

/** @param shape one pattern for each part of the key */
export function readCursor(
  list: string,
  text: string,
  shape: readonly RegExp[],
): readonly string[] {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    throw new CursorError(NOT_OURS);
  }
  if (!Array.isArray(parts) || parts[0] !== list || parts.length !== shape.length + 1) {
    throw new CursorError('the cursor belongs to another list');
  }
  const key = parts.slice(1).map(String);
  // It goes into a cast in SQL, where a wrong form would be an error of the server.
  if (!shape.every((pattern, index) => pattern.test(key[index] ?? ''))) {
    throw new CursorError(NOT_OURS);
  }
  return key;
}

/** @param rows one more than `limit` where there is a next page */
export function toPage<R, T>(
  rows: readonly R[],
  limit: number,
  show: (row: R) => T,
  cursorOf: (row: R) => string,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(show),
    nextCursor: rows.length > limit && last !== undefined ? cursorOf(last) : null,
  };
}
