import type { PointOrOrigin, TipOrOrigin } from '../chain/point.js';
import { SECURITY_PARAMETER_BLOCKS } from '../chain/point.js';
import type { DevnetBlock, DevnetChain, Position } from './chain.js';
import type { Ledger } from './ledger.js';
import type { Submission } from './mempool.js';
import { MEMPOOL_BYTES_MAX } from './mempool.js';
import type { NetworkFacts } from './network.js';
import { networkFacts } from './network.js';
import type { OgmiosVersion } from './render.js';
import { createRenderer, renderTransaction, renderUtxo } from './render.js';
import type { DevnetTransaction, Json, Reference } from './transaction.js';

/** Which unspent outputs a client asks for. */
export type UtxoFilter =
  | { readonly addresses: readonly string[] }
  | { readonly outputReferences: readonly Reference[] }
  | 'all';

/**
 * A node's view of a chain, which is all that a session needs: made of a simulated chain or of
 * recorded answers. Positions are block ids, or `origin`; for one that isn't on the best chain any
 * more, only `commonAncestor` has an answer.
 */
export type BlockSource = {
  readonly facts: NetworkFacts;
  readonly tip: () => TipOrOrigin;
  readonly era: () => string;
  /** The block at this point, if it is on the best chain. A boundary block has no point of its own. */
  readonly find: (point: PointOrOrigin) => Position | undefined;
  readonly pointAt: (position: Position) => PointOrOrigin;
  readonly next: (position: Position) => Position | undefined;
  readonly commonAncestor: (position: Position) => Position;
  /** Blocks between the position and the tip. */
  readonly depthOf: (position: Position) => number;
  /** The block as JSON. */
  readonly render: (position: Position, version: OgmiosVersion) => string;
  /** Unspent outputs at the position as JSON; absent where the ledger isn't known. */
  readonly utxo?: (position: Position, filter: UtxoFilter) => string;
  /** How many blocks deep ledger states are kept. */
  readonly ledgerDepth: number;
  /** Takes transactions; absent where nothing is simulated. */
  readonly mempool?: MempoolSource;
};

/** What a node has that isn't in a block yet. */
export type MempoolSource = {
  readonly submit: (cbor: Uint8Array) => Submission;
  readonly forget: (id: string) => void;
  readonly transactions: () => readonly DevnetTransaction[];
  readonly render: (transaction: DevnetTransaction, version: OgmiosVersion) => Json;
  readonly capacityBytes: number;
};

export type ChainSourceOptions = {
  /** How many blocks the node is behind the chain at this moment; 0 by default. */
  readonly behind?: () => number;
  readonly facts?: Partial<NetworkFacts>;
  readonly ledgerDepth?: number;
};

export function chainSource(chain: DevnetChain, options: ChainSourceOptions = {}): BlockSource {
  const render = {
    6: createRenderer(chain.networkMagic, 6),
    7: createRenderer(chain.networkMagic, 7),
  };
  const lastIndex = () => Math.max(-1, chain.blocks().length - 1 - (options.behind?.() ?? 0));
  const last = () => chain.blocks()[lastIndex()];
  const visible = (position: Position): number | undefined => {
    const index = chain.indexOf(position);
    return index !== undefined && index <= lastIndex() ? index : undefined;
  };
  const block = (id: Position): DevnetBlock => {
    const found = chain.block(id);
    if (found === undefined) throw new RangeError(`no block ${id}`);
    return found;
  };
  return {
    facts: { ...networkFacts(chain.networkMagic), ...options.facts },
    ledgerDepth: options.ledgerDepth ?? SECURITY_PARAMETER_BLOCKS,
    tip: () => {
      const found = last();
      return found === undefined ? 'origin' : { ...found.point, height: found.height };
    },
    era: () => last()?.era ?? 'conway',
    find: (point) => {
      if (point === 'origin') return 'origin';
      const found = chain.block(point.id);
      if (found === undefined || found.type === 'ebb' || found.slot !== point.slot)
        return undefined;
      return visible(found.id) === undefined ? undefined : found.id;
    },
    pointAt: (position) => (position === 'origin' ? 'origin' : block(position).point),
    next: (position) => {
      const index = visible(position);
      if (index === undefined || index >= lastIndex()) return undefined;
      return chain.blocks()[index + 1]?.id;
    },
    commonAncestor: (position) => {
      let at = position;
      while (chain.indexOf(at) === undefined) at = block(at).parent;
      return visible(at) === undefined ? (last()?.id ?? 'origin') : at;
    },
    depthOf: (position) => lastIndex() - (visible(position) ?? -1),
    render: (position, version) => render[version](block(position)),
    mempool: {
      ...chain.mempool,
      render: (transaction, version) => renderTransaction(transaction, chain.networkMagic, version),
      capacityBytes: MEMPOOL_BYTES_MAX,
    },
    utxo: (position, filter) => {
      const { utxo, at } = chain.ledgerAt(position);
      if (filter === 'all') return renderUtxo(utxo, utxo.keys());
      return 'addresses' in filter
        ? renderUtxo(utxo, referencesAt(at, new Set(filter.addresses)))
        : renderUtxo(utxo, new Set(filter.outputReferences));
    },
  };
}

function* referencesAt(at: Ledger['at'], addresses: Iterable<string>): Generator<Reference, void> {
  for (const address of addresses) yield* at(address);
}
