import type { Network } from '../chain/network.js';

/**
 * Of which network nodes have to be, and what is known of those that were dialled. All connections of a
 * process that are made with the same settings share one: what a node said to one of them counts for all.
 */
export type NodeMemory = {
  readonly network: Network;
  /** By what was dialled. */
  readonly known: Map<string, KnownNode>;
};

export type KnownNode = {
  /** Milliseconds of the process's own clock; until then nobody waits for its answer. */
  silentUntil: number;
  /** It named another network, and hasn't named ours since. */
  isForeign: boolean;
  /** Connections in use over which it has named no network: they end once it names another one than ours. */
  readonly unsure: Set<{ terminate(): void }>;
};

export const createNodeMemory = (network: Network): NodeMemory => ({ network, known: new Map() });

export function knownNode({ known }: NodeMemory, url: string): KnownNode {
  const found = known.get(url) ?? { silentUntil: 0, isForeign: false, unsure: new Set() };
  known.set(url, found);
  return found;
}
