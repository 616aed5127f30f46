import { checkAddress } from '../../chain/address.js';
import type { Network } from '../../chain/network.js';
import { type Config, ConfigError, type Secret } from '../../config.js';

/** What a company allows to be paid, and how. */
export type PayoutPolicy = {
  readonly network: Network;
  readonly hotWalletAddress: string | null;
  /** The only addresses that may be paid, in canonical form; null where any may. */
  readonly destinations: ReadonlySet<string> | null;
  /** More than this waits for a second person. */
  readonly approvalAboveLovelace: bigint | null;
  /** Of all that is accepted in any 24 hours. */
  readonly dailyLimitLovelace: bigint | null;
  /** Who bears the network's fee. */
  readonly fees: 'treasury' | 'user';
  /** Null where PAYOUT_ID_SECRET isn't set: then nothing can be accepted here. */
  readonly idSecret: Secret | null;
};

/** The settings that a policy is made of. */
export const POLICY_SETTINGS = [
  'network',
  'hotWalletAddress',
  'payoutDestinations',
  'payoutApprovalAboveLovelace',
  'payoutDailyLimitLovelace',
  'payoutFees',
  'payoutIdSecret',
] as const;

/** @throws ConfigError where a destination is no address of the network */
export function payoutPolicyOf(
  config: Pick<Config, (typeof POLICY_SETTINGS)[number]>,
): PayoutPolicy {
  return {
    network: config.network,
    hotWalletAddress: config.hotWalletAddress,
    destinations: destinationsOf(config.payoutDestinations, config.network),
    approvalAboveLovelace: config.payoutApprovalAboveLovelace,
    dailyLimitLovelace: config.payoutDailyLimitLovelace,
    fees: config.payoutFees === 'user' ? 'user' : 'treasury',
    idSecret: config.payoutIdSecret,
  };
}

function destinationsOf(
  given: readonly string[] | null,
  network: Network,
): ReadonlySet<string> | null {
  if (given === null) return null;
  const problems: string[] = [];
  const addresses = new Set<string>();
  for (const [position, text] of given.entries()) {
    const checked = checkAddress(text, network);
    if (checked.ok) addresses.add(checked.address.text);
    else problems.push(`PAYOUT_DESTINATIONS: address ${position + 1}, ${text}, ${checked.problem}`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return addresses;
}
