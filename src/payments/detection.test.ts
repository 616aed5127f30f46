import { expect, test } from 'vitest';
import type { Output } from '../chain/block.js';
import { comeBackSpent, inclusionOf } from './detection.js';
import type { PlacedPayment } from './effects.js';

const EARLIER: PlacedPayment = {
  txHash: 'ab'.repeat(32),
  outputIndex: 1,
  address: 'addr1',
  userId: 'ann',
  referenceType: null,
  referenceId: null,
  amountLovelace: 5n,
  assets: new Map(),
  status: 'rolled_back',
  inclusion: 2,
  requiredConfirmations: 1,
  blockHash: null,
  blockHeight: null,
  slot: null,
  txPosition: 0,
  countedFrom: null,
  spentBy: null,
  detectedAt: new Date(0),
  confirmedAt: null,
};
const OUTPUT: Output = {
  index: 1,
  address: 'addr1',
  value: { lovelace: 5n, assets: new Map() },
  hasScript: false,
};
const POLICY = { tiers: [{ fromLovelace: 0n, confirmations: 3 }], minPaymentLovelace: 0n };

test('what comes again is the next inclusion', () => {
  expect(inclusionOf(EARLIER.txHash, OUTPUT, EARLIER, new Date(1)).inclusion).toBe(3);
  expect(inclusionOf(EARLIER.txHash, OUTPUT, undefined, new Date(1)).inclusion).toBe(1);
  const [back] = comeBackSpent({ payment: EARLIER, isWanted: false }, 7, POLICY);
  expect(back?.inclusion).toBe(3);
});

test('an inclusion that no chain makes is named, with what to do, before the schema refuses the next', () => {
  const forged = { ...EARLIER, inclusion: 999_999 };
  const says = new RegExp(
    `payment ${'ab'.repeat(32)}#1 \\(inclusion 999999, user ann\\).*A person must`,
  );
  expect(() => inclusionOf(EARLIER.txHash, OUTPUT, forged, new Date(1))).toThrow(says);
  expect(() => comeBackSpent({ payment: forged, isWanted: false }, 7, POLICY)).toThrow(says);
  const last = { ...EARLIER, inclusion: 999_998 };
  expect(inclusionOf(EARLIER.txHash, OUTPUT, last, new Date(1)).inclusion).toBe(999_999);
});
