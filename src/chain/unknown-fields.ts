import { type Fields, ProtocolError } from './fields.js';

/**
 * A field that this code doesn't know is ignored when it can't move money and refused when it could.
 * Silence about a new kind of output would be a missed payment; a refusal is a page at night.
 *
 * It could when it, or anything in it, is named like what holds value, or is an address.
 */
export function refuseUnknownValue(
  fields: Fields,
  known: ReadonlySet<string>,
  where: string,
): void {
  for (const name of Object.keys(fields)) {
    if (!known.has(name) && couldMoveValue(name, fields[name])) {
      throw new ProtocolError(
        `${where} has a field "${name}" that is unknown and may move value`,
        fields[name],
      );
    }
  }
}

const NAMES_VALUE =
  /^ada$|(address|addresses|value|values|lovelace|assets?|amount|inputs?|outputs?|collaterals?|utxo|transactions?)$/i;
const IS_ADDRESS =
  /^(addr|stake)(_test)?1[02-9ac-hj-np-z]{20,}$|^(Ae2|DdzFF|37bt|2cWKM)[1-9A-HJ-NP-Za-km-z]{20,}$/;

/** Walks with a list of its own instead of recursing: a field may be nested deeper than the stack. */
function couldMoveValue(name: string, value: unknown): boolean {
  if (isEmpty(value)) return false;
  if (NAMES_VALUE.test(name)) return true;
  const open: unknown[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next === 'string' && IS_ADDRESS.test(next)) return true;
    if (typeof next !== 'object' || next === null) continue;
    if (Array.isArray(next)) {
      for (const item of next as unknown[]) if (!isEmpty(item)) open.push(item);
      continue;
    }
    for (const [inner, item] of Object.entries(next)) {
      if (isEmpty(item)) continue;
      if (NAMES_VALUE.test(inner)) return true;
      if (IS_ADDRESS.test(inner)) return true;
      open.push(item);
    }
  }
  return false;
}

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  (typeof value === 'object' && Object.keys(value).length === 0);
