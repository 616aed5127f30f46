import { describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../../test/support/addresses.js';
import { PREPROD, unsigned, WALLET } from '../../test/support/unsigned.js';
import { readTransaction } from '../payouts/signing/read-body.js';
import { type Allowance, judge, stateOf } from './allowance.js';

const UNLIMITED: Allowance = {
  wallet: WALLET,
  lovelacePerTransactionMax: null,
  lovelacePerDayMax: null,
  feeLovelaceMax: 2_000_000n,
  destinations: null,
  letsTokensLeave: true,
};

function statement() {
  const result = readTransaction(unsigned().cbor, PREPROD);
  if (!result.ok) throw new Error(result.problem);
  return stateOf(result.transaction, WALLET);
}
/** 5 and 2 ada to payees, and the fee. */
const LEAVING = 7_200_000n;

describe('what leaves the wallet', () => {
  test('is what others get, and the fee', () => {
    expect(statement()).toMatchObject({
      leaving: LEAVING,
      payees: [{ address: enterpriseAddress(1) }, { address: enterpriseAddress(2) }],
      payoutIds: ['11'.repeat(16), '22'.repeat(16)],
    });
  });
});

describe('a signer with limits', () => {
  const both = new Set([enterpriseAddress(1), enterpriseAddress(2)]);
  test.each<[string, Partial<Allowance>, bigint, string]>([
    ['nothing is limited', {}, 10n ** 15n, 'sign'],
    ['it is at the limit', { lovelacePerTransactionMax: LEAVING }, 0n, 'sign'],
    ['it is beyond the limit', { lovelacePerTransactionMax: LEAVING - 1n }, 0n, 'refuse'],
    ['the day has room', { lovelacePerDayMax: LEAVING + 5n }, 5n, 'sign'],
    ['the day is used up', { lovelacePerDayMax: LEAVING + 5n }, 6n, 'later'],
    ['it is beyond any day', { lovelacePerDayMax: LEAVING - 1n }, 0n, 'refuse'],
    ['it is beyond any day, and one', aboveAll(), 0n, 'refuse'],
    ['its fee is at the limit', { feeLovelaceMax: 200_000n }, 0n, 'sign'],
    ['its fee is beyond the limit', { feeLovelaceMax: 199_999n }, 0n, 'refuse'],
    ['tokens must stay', { letsTokensLeave: false }, 0n, 'refuse'],
    ['all payees are on the list', { destinations: both }, 0n, 'sign'],
    ['one is not', { destinations: new Set([enterpriseAddress(1)]) }, 0n, 'refuse'],
    ['the list is empty', { destinations: new Set() }, 0n, 'refuse'],
  ])('where %s', (_, allowance, today, verdict) => {
    expect(judge(statement(), { ...UNLIMITED, ...allowance }, today).type).toBe(verdict);
  });
});

function aboveAll(): Partial<Allowance> {
  return { lovelacePerTransactionMax: 10n ** 12n, lovelacePerDayMax: LEAVING - 1n };
}
