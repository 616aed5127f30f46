import { describe, expect, test } from 'vitest';
import { sharedIsThere, vectors } from '../../test/conformance/shared-material.js';
import { parseExactJson } from './exact-json.js';
import { fieldsOf, ProtocolError } from './fields.js';
import { decodeProtocolParameters, USUAL_PARAMETERS } from './protocol-parameters.js';

const ANSWER = {
  minFeeCoefficient: 44,
  minFeeConstant: { ada: { lovelace: 155_381 } },
  minUtxoDepositCoefficient: 4_310,
  maxTransactionSize: { bytes: 16_384 },
  maxValueSize: { bytes: 5_000 },
  version: { major: 10, minor: 0 },
};

describe('protocol parameters', () => {
  test('are read from an answer', () => {
    expect(decodeProtocolParameters(ANSWER)).toEqual(USUAL_PARAMETERS);
  });

  test.each<[string, unknown]>([
    ...Object.keys(ANSWER)
      .filter((name) => name !== 'version')
      .map(
        (name) => [`without ${name}`, { ...ANSWER, [name]: undefined }] satisfies [string, unknown],
      ),
    ['with a size of zero', { ...ANSWER, maxValueSize: { bytes: 0 } }],
    ['with a size that no transaction has', { ...ANSWER, maxTransactionSize: { bytes: 1e9 } }],
    ['with a negative fee', { ...ANSWER, minFeeCoefficient: -1 }],
    ['with a fractional fee', { ...ANSWER, minFeeCoefficient: 0.5 }],
  ])('%s are refused', (_, answer) => {
    expect(() => decodeProtocolParameters(answer)).toThrow(ProtocolError);
  });

  test.skipIf(!sharedIsThere)('are read from every official answer', () => {
    const results = vectors('QueryLedgerStateProtocolParameters').flatMap(([, text]) => {
      const { result } = fieldsOf(parseExactJson(text), 'answer');
      return result === undefined ? [] : [decodeProtocolParameters(result)];
    });
    expect(results.length).toBeGreaterThan(5);
    for (const { transactionBytesMax } of results) expect(transactionBytesMax).toBeGreaterThan(0);
  });
});
