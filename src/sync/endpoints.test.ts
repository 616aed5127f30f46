import { describe, expect, test } from 'vitest';
import {
  afterFailure,
  afterRefusal,
  afterSuccess,
  BACKOFF_MAX_MS,
  backoffMs,
  type Choice,
  dialOf,
  type Endpoints,
  endpointName,
  FIRST_CHOICE,
  showUrl,
} from './endpoints.js';

const TWO: Endpoints = {
  urls: ['wss://user:pass@one.example/v1?x=1', 'ws://two.example:1337'],
  keys: ['alpha', 'beta', 'gamma'],
  keyHeader: null,
  keyParam: 'apikey',
};
const steps = (count: number, step: (choice: Choice) => Choice): Choice[] => {
  const taken = [FIRST_CHOICE];
  for (let i = 0; i < count; i += 1) taken.push(step(taken.at(-1) ?? FIRST_CHOICE));
  return taken;
};

describe('the next choice', () => {
  test('after failures goes round all endpoints', () => {
    const choices = steps(4, (choice) => afterFailure(choice, TWO));
    expect(choices.map((choice) => choice.endpoint)).toEqual([0, 1, 0, 1, 0]);
    expect(choices.map((choice) => choice.failures)).toEqual([0, 1, 2, 3, 4]);
  });

  test('after refusals is every key of an endpoint once, then the next endpoint', () => {
    const choices = steps(6, (choice) => afterRefusal(choice, TWO));
    const told = choices.map(({ endpoint, key, refusals }) => `${endpoint}/${key}/${refusals}`);
    expect(told).toEqual(['0/0/0', '0/1/1', '0/2/2', '1/2/0', '1/0/1', '1/1/2', '0/1/0']);
  });

  test('after a refusal without any key is the next endpoint', () => {
    expect(afterRefusal(FIRST_CHOICE, { ...TWO, keys: [] })).toMatchObject({
      endpoint: 1,
      failures: 1,
    });
  });

  test('after a session that worked is the preferred endpoint with the key that worked', () => {
    const choice = { endpoint: 1, key: 2, failures: 7, refusals: 1 };
    expect(afterSuccess(choice)).toEqual({ endpoint: 0, key: 2, failures: 0, refusals: 0 });
    expect(afterSuccess(choice, 1)).toEqual({ endpoint: 1, key: 2, failures: 0, refusals: 0 });
  });
});

describe('the pause before a choice', () => {
  test.each([
    [0, 0.999, 499],
    [1, 0.999, 499],
    [2, 0.999, 999],
    [4, 0.5, 1000],
    [13, 0.999, 31_968],
    [14, 0.999, 59_940],
    [100_000, 0.999, 59_940],
    [100_000, 0, 0],
  ])(
    'after %i failures, with chance %d, is %i ms: doubled each round, jittered, bounded',
    (failures, random, ms) => {
      expect(backoffMs({ ...FIRST_CHOICE, failures }, TWO, random)).toBe(ms);
      expect(ms).toBeLessThan(BACKOFF_MAX_MS);
    },
  );

  test('is none where only the key changes', () => {
    expect(backoffMs({ ...FIRST_CHOICE, failures: 9, refusals: 1 }, TWO, 0.9)).toBe(0);
  });
});

describe('a key', () => {
  test('travels as query parameter beside what the address has already', () => {
    const { url, headers } = dialOf(TWO, FIRST_CHOICE);
    expect(new URL(url).search).toBe('?x=1&apikey=alpha');
    expect(headers).toEqual({});
  });

  test('travels as header where one is set, and then not in the address', () => {
    const dial = dialOf({ ...TWO, keyHeader: 'dmtr-api-key' }, { ...FIRST_CHOICE, key: 1 });
    expect(dial.headers).toEqual({ 'dmtr-api-key': 'beta' });
    expect(dial.url).not.toContain('beta');
  });

  test('is not in the name under which an endpoint is shown, nor are user, password and query', () => {
    expect(endpointName(TWO, FIRST_CHOICE)).toBe('wss://one.example/v1');
    expect(endpointName(TWO, { ...FIRST_CHOICE, endpoint: 1 })).toBe('ws://two.example:1337');
  });

  test.each([
    ['wss://a.example/v1/dmtr_ogmios1abcdefgh/ws', 'wss://a.example/v1/***/ws'],
    ['wss://dmtr1ogmios2abcdefgh.mainnet-v6.example:8443/', 'wss://***.mainnet-v6.example:8443'],
    ['wss://ogmios-api-of-a-company.example/', 'wss://ogmios-api-of-a-company.example'],
    [
      'ws://[2001:db8:1111:2222:3333:4444:5555:6666]:1337',
      'ws://[2001:db8:1111:2222:3333:4444:5555:6666]:1337',
    ],
    ['wss://user:pass@a.example/v1?apikey=k&x=1#y', 'wss://a.example/v1'],
    ['ws://localhost:1337', 'ws://localhost:1337'],
    ['not a url with a key', '[hidden]'],
  ])('that is part of %s is masked: %s', (url, shown) => {
    expect(showUrl(url)).toBe(shown);
    if (shown !== '[hidden]') {
      expect(endpointName({ ...TWO, urls: [url] }, FIRST_CHOICE)).toBe(shown);
    }
  });
});
