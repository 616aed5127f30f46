import type { AssetUnit, Lovelace } from '../../chain/block.js';
import type { ProtocolParameters } from '../../chain/protocol-parameters.js';
import { heldOf } from '../model/entries.js';
import type { Payout } from '../model/payout.js';
import type { PayoutPolicy } from '../model/policy.js';
import type { PayoutRequest } from './request.js';

/** Why a payout isn't accepted. `type` is the last part of the problem's type on `/v1`: it is stable. */
export type Refusal = { readonly type: RefusalType; readonly detail: string };

export type RefusalType =
  | 'destination-not-allowed'
  | 'deposit-address'
  | 'unknown-unit'
  | 'below-minimum-utxo'
  | 'output-too-large'
  | 'approval-needs-key'
  | 'insufficient-balance'
  | 'payout-limit-exceeded';

export type MinimumLovelace = (
  address: string,
  lovelace: bigint,
  assets: ReadonlyMap<string, bigint>,
  parameters: ProtocolParameters,
) => { readonly minimum: bigint; readonly fits: boolean };

/** What the books say about what a batch of requests names. */
export type Facts = {
  readonly depositAddresses: ReadonlySet<string>;
  readonly knownUnits: ReadonlySet<AssetUnit>;
  readonly parameters: ProtocolParameters;
};

/**
 * A transaction with a hundred payments costs about 0.9 ada, each payment alone in one 0.17, and an asset
 * adds some 60 bytes of output and change. So this suffices for a payment alone; what it leaves is given back.
 */
const FEE_ESTIMATE = 200_000n;
const FEE_ESTIMATE_PER_ASSET = 10_000n;

export const estimatedFee = (
  request: Pick<PayoutRequest, 'userId' | 'assets'>,
  fees: PayoutPolicy['fees'],
): Lovelace =>
  request.userId === null || fees === 'treasury'
    ? 0n
    : FEE_ESTIMATE + FEE_ESTIMATE_PER_ASSET * BigInt(request.assets.size);

export const needsApproval = (amount: Lovelace, above: Lovelace | null): boolean =>
  above !== null && amount > above;

/** What speaks against a new payout whatever anybody has. */
export function refusalOf(
  request: PayoutRequest,
  facts: Facts,
  policy: PayoutPolicy,
  minimumLovelace: MinimumLovelace,
): Refusal | null {
  const { destinationAddress: address, amountLovelace, assets, caller } = request;
  if (address === policy.hotWalletAddress) {
    return refuse('destination-not-allowed', 'destinationAddress is the hot wallet itself');
  }
  if (policy.destinations !== null && !policy.destinations.has(address)) {
    const detail = `destinationAddress ${address} is not one of PAYOUT_DESTINATIONS`;
    return refuse('destination-not-allowed', detail);
  }
  if (!request.allowDepositAddress && facts.depositAddresses.has(address)) {
    const detail =
      'destinationAddress is one of our own deposit addresses; ' +
      'send "allowDepositAddress": true if that is meant';
    return refuse('deposit-address', detail);
  }
  const unknown = [...assets.keys()].find((unit) => !facts.knownUnits.has(unit));
  if (unknown !== undefined) {
    return refuse('unknown-unit', `assets.${unknown}: nobody here ever had this asset`);
  }
  const { minimum, fits } = minimumLovelace(address, amountLovelace, assets, facts.parameters);
  if (!fits) {
    return refuse('output-too-large', `${assets.size} assets are more than one output holds`);
  }
  if (amountLovelace < minimum) {
    const detail = `amountLovelace: given ${amountLovelace}, but this very output needs at least ${minimum}`;
    return { type: 'below-minimum-utxo', detail };
  }
  if (caller.kind === 'operator' && needsApproval(amountLovelace, policy.approvalAboveLovelace)) {
    const detail =
      'this amount needs a second person (PAYOUT_APPROVAL_ABOVE_ADA), so it takes an API key: ' +
      'set TELLER_API_KEY';
    return refuse('approval-needs-key', detail);
  }
  return null;
}

export const balanceKey = (userId: string, unit: AssetUnit): string =>
  JSON.stringify([userId, unit]);

/**
 * Decides over payouts one after the other, in their order: what one takes is gone for the next.
 *
 * @param available by `balanceKey`; what isn't there is nothing
 * @param taken what the last 24 hours took of the limit
 */
export function withinLimits(
  payouts: readonly Payout[],
  available: ReadonlyMap<string, bigint>,
  taken: Lovelace,
  limit: Lovelace | null,
): ReadonlyMap<string, Refusal> {
  const left = new Map(available);
  const refused = new Map<string, Refusal>();
  let spent = taken;
  for (const payout of payouts) {
    const refusal = shortage(payout, left) ?? excess(payout, spent, limit);
    if (refusal !== null) {
      refused.set(payout.id, refusal);
      continue;
    }
    spent += payout.amountLovelace;
    const { userId } = payout;
    if (userId === null) continue;
    for (const [unit, amount] of heldOf(payout)) {
      const key = balanceKey(userId, unit);
      left.set(key, (left.get(key) ?? 0n) - amount);
    }
  }
  return refused;
}

function shortage(payout: Payout, left: ReadonlyMap<string, bigint>): Refusal | null {
  const { userId } = payout;
  if (userId === null) return null;
  for (const [unit, amount] of heldOf(payout)) {
    const has = left.get(balanceKey(userId, unit)) ?? 0n;
    if (has >= amount) continue;
    const fee = unit === 'lovelace' && payout.heldFee > 0n ? ' (with the estimated fee)' : '';
    const detail = `available are ${has} of ${unit}, wanted are ${amount}${fee}`;
    return refuse('insufficient-balance', detail);
  }
  return null;
}

function excess({ amountLovelace }: Payout, spent: Lovelace, limit: Lovelace | null) {
  if (limit === null || spent + amountLovelace <= limit) return null;
  const left = limit > spent ? limit - spent : 0n;
  const detail =
    `PAYOUT_DAILY_LIMIT_ADA leaves ${left} lovelace for now; wanted are ${amountLovelace}. ` +
    'What was accepted 24 hours ago makes room again';
  return refuse('payout-limit-exceeded', detail);
}

const refuse = (type: RefusalType, detail: string): Refusal => ({ type, detail });
