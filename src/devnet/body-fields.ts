import type { CborItem } from './cbor-tree.js';

/** What a field of a transaction must be; anything else is a transaction that nobody can read. */
export function integerOf(item: CborItem | undefined, what: string): bigint {
  if (item?.kind === 'integer') return item.value;
  throw new SyntaxError(`${what}: an integer is missing`);
}

export function bytesOf(item: CborItem | undefined, what: string, length?: number): Uint8Array {
  if (item?.kind === 'bytes' && (length === undefined || item.value.length === length)) {
    return item.value;
  }
  throw new SyntaxError(`${what}: bytes are missing`);
}

export const hexOf = (item: CborItem | undefined, what: string, length?: number): string =>
  Buffer.from(bytesOf(item, what, length)).toString('hex');

export function listOf(item: CborItem | undefined, what: string): readonly CborItem[] {
  if (item?.kind === 'list') return item.items;
  throw new SyntaxError(`${what}: a list is missing`);
}

export function entriesOf(
  item: CborItem | undefined,
  what: string,
): readonly (readonly [CborItem, CborItem])[] {
  if (item?.kind === 'map') return item.entries;
  throw new SyntaxError(`${what}: a map is missing`);
}

const SET_TAG = 258;

/** A set, which Conway tags and earlier eras wrote as a list. Nothing may be in it twice. */
export function setOf(item: CborItem | undefined, what: string): readonly CborItem[] {
  const list = item?.kind === 'tag' && item.tag === SET_TAG ? item.content : item;
  const items = listOf(list, what);
  const distinct = new Set(items.map(({ raw }) => Buffer.from(raw).toString('hex')));
  if (distinct.size < items.length) throw new SyntaxError(`${what}: something is there twice`);
  return items;
}

/** A map with small integers for field names, each of them once. */
export function fieldsOf(item: CborItem | undefined, what: string): Map<number, CborItem> {
  const fields = new Map<number, CborItem>();
  for (const [key, value] of entriesOf(item, what)) {
    const name = Number(integerOf(key, what));
    if (fields.has(name)) throw new SyntaxError(`${what}: field ${name} is there twice`);
    fields.set(name, value);
  }
  return fields;
}
