import { checkAddress } from '../chain/address.js';
import type { Network } from '../chain/network.js';

/** What a caller asks to watch. Metadata is any JSON object; it comes back as it was given. */
export type RegistrationRequest = {
  readonly address: string;
  readonly userId: string;
  readonly referenceType?: string | null | undefined;
  readonly referenceId?: string | null | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined;
  /** Whether what the address holds already is a payment; it is recorded either way. */
  readonly backfill?: boolean | undefined;
};

/** A request that can be stored as it is. */
export type Registration = {
  /** Canonical, as the node writes it. */
  readonly address: string;
  readonly userId: string;
  readonly referenceType: string | null;
  readonly referenceId: string | null;
  /** JSON text in canonical form. */
  readonly metadata: string | null;
  readonly backfill: boolean;
};

export type CheckedRequest =
  | { readonly ok: true; readonly registration: Registration }
  | { readonly ok: false; readonly problem: string };

/** What fits into an index row of PostgreSQL with room to spare, and into a table people read. */
const TEXT_LENGTH_MAX = 200;
const METADATA_LENGTH_MAX = 8_192;

export function checkRequest(request: RegistrationRequest, network: Network): CheckedRequest {
  const checked = checkAddress(request.address, network);
  if (!checked.ok) return refuse(`address ${checked.problem}`);
  const { userId, referenceType = null, referenceId = null, metadata = null } = request;
  const { backfill = false } = request;
  const problem =
    textProblem('userId', userId) ??
    (referenceType === null ? undefined : textProblem('referenceType', referenceType)) ??
    (referenceId === null ? undefined : textProblem('referenceId', referenceId));
  if (problem !== undefined) return refuse(problem);
  const stored = metadata === null ? { json: null } : readMetadata(metadata);
  if (stored.problem !== undefined) return refuse(stored.problem);
  const { text: address } = checked.address;
  return {
    ok: true,
    registration: { address, userId, referenceType, referenceId, metadata: stored.json, backfill },
  };
}

/** What keeps a text from being stored and found again. */
export function textProblem(name: string, text: string): string | undefined {
  if (text === '') return `${name} is empty`;
  // Spaces at the ends are never meant, and make two users of what people read as one.
  if (text.trim() !== text) return `${name} has spaces before or after it`;
  if (text.length > TEXT_LENGTH_MAX) return `${name} is longer than ${TEXT_LENGTH_MAX} characters`;
  if (text.includes('\u0000')) return `${name} contains a NUL character, which can't be stored`;
  if (/\p{Surrogate}/u.test(text))
    return `${name} contains half of a surrogate pair, which is no character`;
  return undefined;
}

export type StorableMetadata = { readonly json: string | null; readonly problem?: string };

/** Metadata as canonical JSON, or why PostgreSQL couldn't keep it as it is. */
export function readMetadata(metadata: Readonly<Record<string, unknown>>): StorableMetadata {
  const json = canonicalJson(metadata);
  if (json === undefined) return { json: null, problem: 'metadata is nested too deeply' };
  if (json.length > METADATA_LENGTH_MAX) {
    const problem = `metadata is longer than ${METADATA_LENGTH_MAX} characters of JSON`;
    return { json: null, problem };
  }
  if (UNSTORABLE_ESCAPE.test(json.replaceAll('\\\\', ''))) {
    const problem =
      "metadata contains a NUL character or half a surrogate pair, which can't be stored";
    return { json: null, problem };
  }
  if (hasRoundedNumber(metadata)) {
    const problem = 'metadata has a number beyond 2^53, which JSON rounds: write it as a text';
    return { json: null, problem };
  }
  return { json };
}

/** `JSON.stringify` writes NUL and lone surrogates as escapes, which `jsonb` refuses. */
const UNSTORABLE_ESCAPE = /\\u(?:0000|d[89a-f][\da-f]{2})/;

/** Equal values are equal text, whatever the order of their keys; undefined beyond METADATA_DEPTH_MAX. */
export function canonicalJson(value: unknown): string | undefined {
  const sorted = sortKeys(value, METADATA_DEPTH_MAX);
  return sorted === TOO_DEEP ? undefined : JSON.stringify(sorted);
}

const METADATA_DEPTH_MAX = 32;
const TOO_DEEP = Symbol('too deep');

function sortKeys(value: unknown, depthLeft: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depthLeft === 0) return TOO_DEEP;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => sortKeys(item, depthLeft - 1));
    return items.includes(TOO_DEEP) ? TOO_DEEP : items;
  }
  const entries = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, sortKeys(item, depthLeft - 1)] as const);
  return entries.some(([, item]) => item === TOO_DEEP) ? TOO_DEEP : Object.fromEntries(entries);
}

function hasRoundedNumber(value: unknown): boolean {
  if (typeof value === 'number') return Math.abs(value) > Number.MAX_SAFE_INTEGER;
  return typeof value === 'object' && value !== null && Object.values(value).some(hasRoundedNumber);
}

const refuse = (problem: string): CheckedRequest => ({ ok: false, problem });
