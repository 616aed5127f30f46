import type { Config } from '../config.js';
import { askActiveSlots } from '../guard/active-slots.js';
import type { GuardEvent } from '../guard/events.js';
import type { RollbackGuard } from '../guard/rollback.js';
import { watchChain } from '../guard/watch.js';
import { createWitnesses, type Witness } from '../guard/witness.js';
import type { LeadingTask } from '../sync/leadership.js';
import { endpointsOf, witnessEndpointsOf } from './endpoints.js';

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

/** On public networks; a private one may be forked and halted at will. */
const ROLLBACK_DEPTH = 30;
const CHECK_MS = 5_000;

const isPublic = ({ network }: Pick<GuardConfig, 'network'>): boolean =>
  !network.name.startsWith('custom:');

/** For `withGuard`, around all that blocks do. */
export function rollbackGuardOf(
  config: Pick<GuardConfig, 'network' | 'partitionId' | 'guardRollbackDepth' | 'witnessUrls'>,
): RollbackGuard {
  const { partitionId, guardRollbackDepth: given } = config;
  const usual = isPublic(config) ? ROLLBACK_DEPTH : null;
  return {
    partitionId,
    rollbackDepth: given === 'off' ? null : (given ?? usual),
    hasWitnesses: (config.witnessUrls ?? []).length > 0,
  };
}

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
  const endpoints = witnessEndpointsOf(config);
  return endpoints === null ? [] : createWitnesses(endpoints);
}
