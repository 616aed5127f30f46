import { createHash, timingSafeEqual } from 'node:crypto';
import { userInfo } from 'node:os';
import type { ApiKey, ApiScope } from '../config.js';
import type { Caller } from '../payouts/model/identity.js';
import { type Terminal, UsageError } from './terminal.js';

/** The person at the terminal, as the system calls them. */
export function operator(): Extract<Caller, { kind: 'operator' }> {
  return { kind: 'operator', name: userName() };
}

/** A container's user may have no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

/**
 * Who TELLER_API_KEY is; null where it isn't set. Compared with every key in constant time, as the API
 * does. @throws UsageError where it is none of API_KEYS or may not do this
 */
export function keyCaller(
  terminal: Terminal,
  keys: readonly ApiKey[] | null,
  scope: ApiScope,
): Extract<Caller, { kind: 'key' }> | null {
  const given = terminal.environment.TELLER_API_KEY?.trim() ?? '';
  if (given === '') return null;
  const digest = createHash('sha256').update(given).digest();
  const [key] = (keys ?? []).filter((one) => timingSafeEqual(one.sha256, digest));
  if (key === undefined) {
    throw new UsageError("TELLER_API_KEY: is none of API_KEYS; what was given isn't shown");
  }
  if (!key.scopes.has(scope)) {
    throw new UsageError(`TELLER_API_KEY: the key ${key.name} lacks the scope ${scope}`);
  }
  return { kind: 'key', name: key.name };
}
