import { describe, expect, test } from 'vitest';
import { ConfigError, readSettings } from '../config.js';
import { GUARD_SETTINGS, rollbackGuardOf, watchesDensity } from './guard.js';

const read = (environment: NodeJS.ProcessEnv) =>
  readSettings(
    { OGMIOS_URL: 'ws://a.example', NETWORK: 'mainnet', ...environment },
    GUARD_SETTINGS,
  );

describe('the chain is guarded', () => {
  test.each<[string, NodeJS.ProcessEnv, number | null, boolean]>([
    ['on public networks', {}, 30, true],
    ['on preprod', { NETWORK: 'preprod' }, 30, true],
    ['on a private one only by its witnesses', { NETWORK: 'custom:42' }, null, false],
    [
      'on a private one where it is set',
      { NETWORK: 'custom:42', GUARD_ROLLBACK_DEPTH: '12', GUARD_DENSITY: 'on' },
      12,
      true,
    ],
    ['less where that is set', { GUARD_ROLLBACK_DEPTH: 'off', GUARD_DENSITY: 'off' }, null, false],
  ])('%s', (_, environment, rollbackDepth, density) => {
    const config = read(environment);
    expect(rollbackGuardOf(config)).toMatchObject({
      partitionId: 0,
      rollbackDepth,
      hasWitnesses: false,
    });
    expect(watchesDensity(config)).toBe(density);
  });

  test('with a wait for its witnesses where there are any', () => {
    const config = read({ OGMIOS_WITNESS_URL: 'wss://b.example' });
    expect(rollbackGuardOf(config)).toMatchObject({ hasWitnesses: true });
  });

  test.each([
    [{ GUARD_SPLIT_DEPTH: '2' }, 'GUARD_SPLIT_DEPTH: given "2", wanted a whole number, 3 to 2160'],
    [{ GUARD_ROLLBACK_DEPTH: 'no' }, 'wanted off, or a whole number, 3 to 2160'],
    [{ GUARD_DENSITY: 'true' }, 'GUARD_DENSITY: given "true", wanted on or off'],
    [{ OGMIOS_WITNESS_URL: 'http://b.example' }, "what was given isn't shown"],
    [{ OGMIOS_WITNESS_URL: 'ws://b.example,ws://a.example/' }, 'no node can vouch for itself'],
  ])('by settings that are checked: %j', (environment, problem) => {
    expect(() => read(environment)).toThrow(ConfigError);
    expect(() => read(environment)).toThrow(problem);
  });
});
