import { expect, test } from 'vitest';
import { enterpriseAddress } from '../../../test/support/addresses.js';
import { USUAL_PARAMETERS } from '../../chain/protocol-parameters.js';
import { readSettings } from '../../config.js';
import { POLICY_SETTINGS, payoutPolicyOf } from './policy.js';
import { readParameters, writeParameters } from './stored-parameters.js';

const policyOf = (environment: NodeJS.ProcessEnv) =>
  payoutPolicyOf(readSettings({ NETWORK: 'preprod', ...environment }, POLICY_SETTINGS));

test('destinations are compared as the node writes them', () => {
  const destinations = ` ${enterpriseAddress(1).toUpperCase()},${enterpriseAddress(2)}`;
  expect(policyOf({ PAYOUT_DESTINATIONS: destinations }).destinations).toEqual(
    new Set([enterpriseAddress(1), enterpriseAddress(2)]),
  );
  expect(policyOf({}).destinations).toBeNull();
});

test('a destination that is none is told with its position, and each of them', () => {
  const destinations = `${enterpriseAddress(1)},addr1x,${enterpriseAddress(2)}x`;
  expect(() => policyOf({ PAYOUT_DESTINATIONS: destinations })).toThrow(
    /address 2, addr1x, .*\n.*address 3/,
  );
});

test('parameters are stored and read exactly, and nonsense is none', () => {
  const dear = { ...USUAL_PARAMETERS, utxoCostPerByte: 123_456_789_012_345_678n };
  expect(readParameters(JSON.parse(writeParameters(dear)))).toEqual(dear);
  for (const odd of [null, {}, 7, { ...USUAL_PARAMETERS, feePerByte: 'x' }]) {
    expect(readParameters(odd)).toEqual(USUAL_PARAMETERS);
  }
});
