import type { CborItem } from './cbor-tree.js';
import type { Json } from './transaction.js';

/** What a transaction carries besides its body, as Ogmios shows it by default. */
export function metadataJson(auxiliary: CborItem, hash: string): Json {
  const labels: Record<string, Json> = {};
  for (const [label, value] of metadataOf(auxiliary)) {
    if (label.kind !== 'integer') throw new SyntaxError('a metadata label is no integer');
    const json = plainJson(value);
    labels[label.value.toString()] =
      json === undefined ? { cbor: Buffer.from(value.raw).toString('hex') } : { json };
  }
  return { hash, labels };
}

/** The ledger's limit for byte strings and texts in metadata. */
const STRING_BYTES_MAX = 64;

/** Whether the ledger takes it. */
export const isValidMetadata = (auxiliary: CborItem): boolean =>
  metadataOf(auxiliary).every(([, value]) => isValid(value));

/** A map (Shelley), a list of map and scripts (Mary), or tag 259 with the map under 0 (Alonzo). */
function metadataOf(auxiliary: CborItem): readonly (readonly [CborItem, CborItem])[] {
  const map = metadataMap(auxiliary);
  if (map === undefined) return [];
  if (map.kind !== 'map') throw new SyntaxError('the metadata are no map');
  return map.entries;
}

function metadataMap(auxiliary: CborItem): CborItem | undefined {
  if (auxiliary.kind === 'list') return auxiliary.items[0];
  if (auxiliary.kind !== 'tag') return auxiliary;
  const { tag, content } = auxiliary;
  if (tag !== 259 || content.kind !== 'map') throw new SyntaxError('odd auxiliary data');
  return content.entries.find(([key]) => key.kind === 'integer' && key.value === 0n)?.[1];
}

/** Undefined where plain JSON can't say it: byte strings, and keys that are no names of fields. */
function plainJson(item: CborItem): Json | undefined {
  switch (item.kind) {
    case 'integer':
    case 'text':
      return item.value;
    case 'list': {
      const items = item.items.map(plainJson);
      return items.every((one) => one !== undefined) ? items : undefined;
    }
    case 'map': {
      const fields = new Map<string, Json>();
      for (const [key, value] of item.entries) {
        const json = plainJson(value);
        if (json === undefined || (key.kind !== 'integer' && key.kind !== 'text')) return undefined;
        fields.set(key.value.toString(), json);
      }
      return fields.size === item.entries.length ? Object.fromEntries(fields) : undefined;
    }
    case 'bytes':
    case 'tag':
    case 'simple':
      return undefined;
  }
}

function isValid(item: CborItem): boolean {
  switch (item.kind) {
    case 'bytes':
      return item.value.length <= STRING_BYTES_MAX;
    case 'text':
      return Buffer.byteLength(item.value) <= STRING_BYTES_MAX;
    case 'list':
      return item.items.every(isValid);
    case 'map':
      return item.entries.every(([key, value]) => isValid(key) && isValid(value));
    case 'integer':
    case 'tag':
    case 'simple':
      return true;
  }
}
