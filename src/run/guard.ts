import type { Config } from '../config.js';
import { askActiveSlots } from '../guard/active-slots.js';
import type { GuardEvent } from '../guard/events.js';
import type { RollbackGuard } from '../guard/rollback.js';
import { watchChain } from '../guard/watch.js';
import { createWitnesses, type Witness } from '../guard/witness.js';
import type { Endpoints } from '../sync/endpoints.js';
import type { LeadingTask } from '../sync/leadership.js';
import { endpointsOf } from './endpoints.js';

/** The settings that say when the chain isn't believed. */
export const GUARD_SETTINGS = [
  'network',
  'partitionId',
  'ogmiosUrls',
  'ogmiosApiKeys',
  'ogmiosApiKeyHeader',
  'ogmiosApiKeyParam',
  'witnessUrls',
  'witnessApiKeys',
  'guardSplitDepth',
  'guardRollbackDepth',
  'guardDensity',
] as const;
export type GuardConfig = Readonly<Pick<Config, (typeof GUARD_SETTINGS)[number]>>;

/** A chain that is left alone doesn't go back so far; whoever plays at that on a private one turns it off. */
const ROLLBACK_DEPTH = 30;
const CHECK_MS = 5_000;

const isPublic = ({ network }: Pick<GuardConfig, 'network'>): boolean =>
  !network.name.startsWith('custom:');

/** For `withGuard`, around all that blocks do. */
export function rollbackGuardOf(
  config: Pick<GuardConfig, 'partitionId' | 'guardRollbackDepth' | 'witnessUrls'>,
): RollbackGuard {
  const { partitionId, guardRollbackDepth: given } = config;
  return {
    partitionId,
    rollbackDepth: given === 'off' ? null : (given ?? ROLLBACK_DEPTH),
    hasWitnesses: (config.witnessUrls ?? []).length > 0,
  };
}

/** How densely blocks come on a private network, only its owner knows. */
export const watchesDensity = (config: Pick<GuardConfig, 'network' | 'guardDensity'>): boolean =>
  config.guardDensity ?? isPublic(config);

/** What a leader watches the chain with. */
export function guardTaskOf(
  config: GuardConfig,
  observe: (event: GuardEvent) => void,
  checkMs = CHECK_MS,
): LeadingTask {
  return watchChain({
    openWitnesses: () => openWitnesses(config),
    splitDepth: config.guardSplitDepth,
    rollbackDepth: rollbackGuardOf(config).rollbackDepth,
    activeSlots: watchesDensity(config) ? askActiveSlots(endpointsOf(config)) : null,
    observe,
    checkMs,
    now: () => new Date(),
  });
}

function openWitnesses(config: GuardConfig): readonly Witness[] {
  const [first, ...others] = (config.witnessUrls ?? []).map((url) => url.reveal());
  if (first === undefined) return [];
  const endpoints: Endpoints = {
    urls: [first, ...others],
    keys: (config.witnessApiKeys ?? []).map((key) => key.reveal()),
    keyHeader: config.ogmiosApiKeyHeader,
    keyParam: config.ogmiosApiKeyParam,
    network: config.network,
  };
  return createWitnesses(endpoints);
}
