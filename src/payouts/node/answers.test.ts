import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sharedIsThere, vectors } from '../../../test/conformance/shared-material.js';
import { parseExactJson } from '../../chain/exact-json.js';
import { fieldsOf } from '../../chain/fields.js';
import { combineOutcomes, outcomeOfError, outcomeOfResult, SUBMISSION_ERRORS } from './answers.js';
import type { SubmitOutcome } from './node.js';

type Failures = Record<string, { properties?: { code?: { enum?: number[] } }; oneOf?: unknown[] }>;

/** Every code that a version's schema lists for submitTransaction. */
function codesOf(version: 'v6.14' | 'v7.0'): number[] {
  const file = new URL(`../../../../shared/ogmios/${version}/ogmios.json`, import.meta.url);
  if (!existsSync(file)) return [];
  const { definitions } = JSON.parse(readFileSync(file, 'utf8')) as { definitions: Failures };
  const resolve = (entry: unknown): number[] => {
    const reference: unknown = Reflect.get(entry as object, '$ref');
    const found =
      typeof reference === 'string' ? definitions[reference.split('/').at(-1) ?? ''] : entry;
    return (found as Failures[string]).properties?.code?.enum ?? [];
  };
  const { oneOf, anyOf } = definitions.SubmitTransactionFailure as Record<string, unknown[]>;
  return (oneOf ?? anyOf ?? []).flatMap(resolve);
}

const error = (code: number | null, message = 'no', data?: unknown) =>
  outcomeOfError({ code, message, data });

describe('what an answer to a submission means', () => {
  test.skipIf(!sharedIsThere).each([
    ['v6.14', 72],
    ['v7.0', 74],
  ] as const)('is decided for every code of %s, and for no other', (version, count) => {
    const codes = codesOf(version);
    expect(codes).toHaveLength(count);
    expect(codes.filter((code) => !SUBMISSION_ERRORS.has(code))).toEqual([]);
    const known = new Set([...codesOf('v6.14'), ...codesOf('v7.0')]);
    const ours = [...SUBMISSION_ERRORS.keys()].filter((code) => code > 0);
    expect(ours.filter((code) => !known.has(code))).toEqual([]);
  });

  test.skipIf(!sharedIsThere)('is known for each of the official answers', () => {
    const meanings = new Map<string, number>();
    for (const [, text] of vectors('SubmitTransactionResponse')) {
      const { error: problem, result } = fieldsOf(parseExactJson(text), 'answer');
      const outcome =
        problem === undefined
          ? outcomeOfResult(
              result,
              String(Reflect.get(fieldsOf(fieldsOf(result, 'r').transaction, 't'), 'id')),
            )
          : outcomeOfError(fieldsOf(problem, 'error') as Parameters<typeof outcomeOfError>[0]);
      meanings.set(outcome.type, (meanings.get(outcome.type) ?? 0) + 1);
    }
    expect(meanings.get('unknown')).toBeUndefined();
    expect(meanings.get('refused')).toBeGreaterThan(10);
  });

  test.each([
    [3117, 'look_at_chain'],
    [3123, 'look_at_chain'],
    [3997, 'look_at_chain'],
    [3118, 'passing'],
    [3005, 'passing'],
    [3130, 'passing'],
    [3122, 'refused'],
    [3100, 'refused'],
    [-32602, 'refused'],
    [-32601, 'passing'],
    [-32603, 'unknown'],
    [-32000, 'unknown'],
    [3171, 'unknown'],
    [null, 'unknown'],
  ] as const)('%s: %s', (code, type) => {
    expect(error(code).type).toBe(type);
  });

  test('is told with code, words and data, none of them endless', () => {
    const outcome = error(3122, 'too small', { minimumRequiredFee: 7 });
    expect(outcome).toEqual({
      type: 'refused',
      reason: '3122: too small {"minimumRequiredFee":7}',
    });
    const endless = error(3122, 'x'.repeat(1e6), { y: 'z'.repeat(1e6) });
    expect(JSON.stringify(endless).length).toBeLessThan(700);
  });

  test('is that it was taken only where the node names this very transaction', () => {
    const ours = 'a'.repeat(64);
    expect(outcomeOfResult({ transaction: { id: ours } }, ours)).toEqual({ type: 'accepted' });
    for (const result of [{ transaction: { id: 'b'.repeat(64) } }, {}, null, 'yes', undefined]) {
      expect(outcomeOfResult(result, ours).type).toBe('unknown');
    }
  });
});

describe('what several answers mean together', () => {
  const of = (type: Exclude<SubmitOutcome['type'], 'accepted'>): SubmitOutcome => ({
    type,
    reason: `it is ${type}`,
  });
  const accepted: SubmitOutcome = { type: 'accepted' };

  test('accepted anywhere is accepted; unknown is hidden by nothing else', () => {
    const others = [of('look_at_chain'), of('refused'), of('passing')];
    expect(combineOutcomes([of('unknown'), ...others, accepted])).toEqual(accepted);
    expect(combineOutcomes([...others, of('unknown')]).type).toBe('unknown');
    expect(combineOutcomes([of('unknown'), ...others]).type).toBe('unknown');
  });

  test('then the chain is to be looked at, then the transaction is refused, then it was not the time', () => {
    expect(combineOutcomes([of('passing'), of('refused'), of('look_at_chain')])).toEqual({
      type: 'look_at_chain',
      reason: 'it is passing; it is refused; it is look_at_chain',
    });
    expect(combineOutcomes([of('passing'), of('refused')]).type).toBe('refused');
    expect(combineOutcomes([of('passing'), of('passing')])).toEqual(of('passing'));
    expect(combineOutcomes([]).type).toBe('passing');
  });
});
