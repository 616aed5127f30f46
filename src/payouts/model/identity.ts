import { createHash, createHmac } from 'node:crypto';
import type { Secret } from '../../config.js';
import { canonicalJson } from '../../payments/registration-request.js';

/** Who asks: a key of the API, or a person at the command line without one. */
export type Caller =
  | { readonly kind: 'key'; readonly name: string }
  | { readonly kind: 'operator'; readonly name: string };

/** As the audit log, `created_by` and `approved_by` name a caller. */
export const actorOf = ({ kind, name }: Caller): string => `${kind}:${name}`;

/** Whose idempotency keys these are: each API key has its own, the command line without a key one in all. */
export const keyNameOf = (caller: Caller): string => (caller.kind === 'key' ? caller.name : 'cli');

const ID_BYTES = 16;

/**
 * A payout's id, which its transaction carries. The same request has it again in a database that forgot
 * the payout, and nobody without the secret can tell from it who asked, or make one.
 */
export function payoutId(secret: Secret, keyName: string, idempotencyKey: string): string {
  // As JSON no two pairs are the same text, whatever characters they are made of.
  const digest = createHmac('sha256', secret.reveal())
    .update(JSON.stringify([keyName, idempotencyKey]))
    .digest();
  return digest.subarray(0, ID_BYTES).toString('hex');
}

/**
 * SHA-256 of a body's meaning, whatever the order of its fields. What stands at its default is left out,
 * so that a field that comes with a later version doesn't change the hashes of what is stored.
 */
export function bodyHash(body: Readonly<Record<string, unknown>>): string {
  const told = Object.entries(body).filter(
    ([, value]) => value !== null && value !== undefined && value !== false && !isEmpty(value),
  );
  const text = canonicalJson(Object.fromEntries(told));
  if (text === undefined) throw new RangeError('a body that is nested too deeply');
  return createHash('sha256').update(text).digest('hex');
}

/** No assets and an empty object of them are the same; metadata never gets here as an object. */
const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;
