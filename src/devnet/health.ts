import { toJson } from './json.js';
import { epochOf } from './network.js';
import type { OgmiosVersion } from './render.js';
import type { BlockSource } from './source.js';

/** What `GET /health` tells besides the chain; times are ISO 8601 UTC, durations milliseconds. */
export type Vitals = {
  readonly startTime: string;
  readonly lastTipUpdate: string | null;
  /** 1 is in step with the network. */
  readonly synchronization: number;
  readonly activeConnections: number;
  readonly totalConnections: number;
  readonly totalMessages: number;
  readonly sessionDurationsMs: {
    readonly min: number;
    readonly mean: number;
    readonly max: number;
  };
};

/** The body of Ogmios' `GET /health`, which always comes with status 200. */
export function renderHealth(source: BlockSource, version: OgmiosVersion, vitals: Vitals): string {
  const { facts } = source;
  const tip = source.tip();
  const slot = tip === 'origin' ? 0 : tip.slot;
  const { heapTotal, heapUsed } = process.memoryUsage();
  const health = toJson({
    startTime: vitals.startTime,
    lastKnownTip: tip,
    lastTipUpdate: vitals.lastTipUpdate,
    networkSynchronization: SYNCHRONIZATION,
    currentEra: source.era(),
    metrics: {
      runtimeStats: {
        maxHeapSize: Math.round(heapTotal / 1024),
        currentHeapSize: Math.round(heapUsed / 1024),
        cpuTime: Math.round(process.cpuUsage().user * 1000),
        gcCpuTime: 0,
      },
      activeConnections: vitals.activeConnections,
      totalConnections: vitals.totalConnections,
      sessionDurations: vitals.sessionDurationsMs,
      totalMessages: vitals.totalMessages,
      totalUnrouted: 0,
    },
    connectionStatus: 'connected',
    currentEpoch: epochOf(facts, slot),
    slotInEpoch: slot % facts.epochLengthSlots,
    version: version === 6 ? 'v6.14.0 (devnet)' : 'v7.0.0 (devnet)',
    network: networkName(facts.networkMagic),
  });
  // Ogmios writes five decimals always, also of 1.
  return health.replace(`"${SYNCHRONIZATION}"`, vitals.synchronization.toFixed(5));
}

const SYNCHRONIZATION = '#synchronization';

const networkName = (magic: number): string =>
  ({ 764824073: 'mainnet', 1: 'preprod', 2: 'preview', 4: 'sanchonet' })[magic] ??
  `unknown (${magic})`;
