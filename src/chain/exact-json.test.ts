import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exactInteger, parseExactJson } from './exact-json.js';

describe('exact JSON', () => {
  test('any integer comes back exactly, wherever it stands', () => {
    fc.assert(
      fc.property(
        fc.array(fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n })),
        fc.string(),
        (ints, text) => {
          const json = `{${JSON.stringify(text)}:[${ints.join(' , ')}]}`;
          const [list] = Object.values(parseExactJson(json) as Record<string, unknown[]>);
          expect(list?.map(exactInteger)).toEqual(ints);
        },
      ),
    );
  });

  test('text stays as it is, digits, quotes and backslashes included', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
        const json = JSON.stringify({
          value: JSON.stringify(value),
          text,
          pad: '12345678901234567890',
        });
        expect(parseExactJson(json)).toEqual(JSON.parse(json));
      }),
    );
  });

  test.each([
    ['{"a":"x\\\\","b":12345678901234567}', { a: 'x\\', b: '#12345678901234567' }],
    ['{"a":"\\",12345678901234567,\\""}', { a: '",12345678901234567,"' }],
    ['[18446744073709551615]', ['#18446744073709551615']],
    ['12345678901234567', '#12345678901234567'],
  ])('reads %s', (json, expected) => expect(parseExactJson(json)).toEqual(expected));

  test.each([[1.5], [1e300], ['12'], ['#1.5'], [null], [2 ** 53]])(
    '%s is no exact integer',
    (value) => expect(exactInteger(value)).toBeUndefined(),
  );

  test('a wide number with a fraction or an exponent is left to be refused', () => {
    const [fraction, exponent] = parseExactJson('[12345678901234567.5,1e30]') as unknown[];
    expect([exactInteger(fraction), exactInteger(exponent)]).toEqual([undefined, undefined]);
  });

  test('broken JSON is an error, also with an open string', () => {
    expect(() => parseExactJson('{"a":"12345678901234567')).toThrow(SyntaxError);
  });
});
