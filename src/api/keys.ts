import { createHash, timingSafeEqual } from 'node:crypto';
import type { ApiKey, ApiScope } from '../config.js';
import { HttpProblem } from './problems.js';

/**
 * The configured key that a request carries. Hashes are compared in constant time, and with every
 * configured key, so that the time tells nothing about them.
 */
export function authenticate(keys: readonly ApiKey[], authorization: string | undefined): ApiKey {
  const token = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '')?.[1];
  if (token === undefined) throw unauthorized('send Authorization: Bearer KEY');
  const digest = createHash('sha256').update(token).digest();
  const [match] = keys.filter((key) => timingSafeEqual(key.sha256, digest));
  if (match === undefined) throw unauthorized('the key is not one of ours');
  return match;
}

export function requireScope(key: ApiKey, scope: ApiScope): void {
  if (key.scopes.has(scope)) return;
  throw new HttpProblem(403, 'forbidden', `the key ${key.name} lacks the scope ${scope}`);
}

const unauthorized = (detail: string): HttpProblem =>
  new HttpProblem(401, 'unauthorized', detail, {}, { 'www-authenticate': 'Bearer' });
