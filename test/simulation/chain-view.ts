import { decodeNextBlock } from '../../src/chain/decode.js';
import { parseExactJson } from '../../src/chain/exact-json.js';
import { decodeUtxo, type UnspentOutput } from '../../src/chain/utxo.js';
import type { UtxoFilter } from '../../src/devnet/source.js';
import type { ChainView, LedgerView } from '../../src/sync/chain-view.js';
import { ConnectionEnded } from '../../src/sync/connection.js';
import { POINT_GONE } from '../../src/sync/ledger-state.js';
import { readChain } from '../../src/sync/reading.js';
import { NodeError } from '../../src/sync/requests.js';
import { connectTo } from './node-session.js';
import type { World } from './state.js';
import { changeChain, weatherOn } from './troubles.js';

/** The devnet as one actor looks at it beside following: each question is a gate of its own. */
export function chainViewOf(world: World, actor: string): ChainView {
  const { source, scheduler, random, lasting } = world;
  return {
    ledgerAt: async (point): Promise<LedgerView> => {
      await scheduler.aside(actor, 'acquiring a ledger');
      const acquired = source.find(point);
      if (acquired === undefined) throw gone();
      const ask = async (filter: UtxoFilter): Promise<UnspentOutput[]> => {
        await scheduler.aside(actor, 'asking a ledger');
        if (world.faultsOn && random.chance(0.03)) throw new ConnectionEnded('the node went away');
        if (world.faultsOn && lasting?.chance(0.2) === true) changeChain(world);
        const lasts = lasting?.chance(0.8) === true;
        const position = lasts ? acquired : source.find(point);
        if (position === undefined || source.utxo === undefined) throw gone();
        return decodeUtxo(parseExactJson(source.utxo(position, filter)));
      };
      return {
        atAddresses: (addresses) => ask({ addresses }),
        among: (references) => ask({ outputReferences: references }),
        release: () => Promise.resolve(),
      };
    },
    read: (offered, signal) =>
      readChain(
        () =>
          Promise.resolve(
            connectTo(source, random.pick([6, 7]), weatherOn(world), () =>
              scheduler.aside(actor, 'reading the chain'),
            ),
          ),
        { decode: decodeNextBlock, offered, signal },
      ),
  };
}

const gone = (): NodeError => new NodeError(POINT_GONE, 'the point is gone', null);
