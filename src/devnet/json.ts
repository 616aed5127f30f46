import type { Json } from './transaction.js';

/**
 * Like `JSON.stringify`, with bigints as integers of all their digits. Written by hand because
 * `JSON.rawJSON` needs a newer Node, and a replacer can't print a number that isn't a float.
 */
export function toJson(value: Json): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return isList(value) ? list(value) : record(value);
}

const isList = (value: object): value is readonly Json[] => Array.isArray(value);

const list = (items: readonly Json[]): string => `[${items.map(toJson).join(',')}]`;

/** An undefined field is absent, as with `JSON.stringify`. */
function record(value: { readonly [key: string]: Json | undefined }): string {
  let text = '';
  for (const key of Object.keys(value)) {
    const field = value[key];
    if (field === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${toJson(field)}`;
  }
  return `{${text}}`;
}
