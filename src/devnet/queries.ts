import { epochOf, eraSummaries, genesisConfiguration, protocolParameters } from './network.js';
import type { OgmiosVersion } from './render.js';
import type { Request } from './request.js';
import { utxoFilterOf } from './request.js';
import type { BlockSource } from './source.js';
import type { Json } from './transaction.js';

export type QueryOutcome =
  | { readonly type: 'result'; readonly result: Json }
  /** The same as JSON. */
  | { readonly type: 'rendered'; readonly text: string }
  | { readonly type: 'invalid'; readonly problem: string }
  /** Ogmios knows this query, the devnet has nothing to answer. */
  | { readonly type: 'unavailable' };

/** @param acquired the position whose ledger was acquired; without one the tip's is asked */
export function answerQuery(
  { method, params }: Request,
  source: BlockSource,
  acquired: string | undefined,
  version: OgmiosVersion,
): QueryOutcome {
  const tip = source.tip();
  const tipPoint = tip === 'origin' ? tip : { slot: tip.slot, id: tip.id };
  const position = acquired ?? (tip === 'origin' ? 'origin' : tip.id);
  const point = acquired === undefined ? tipPoint : source.pointAt(acquired);
  switch (method) {
    case 'queryLedgerState/tip':
      return result(point);
    case 'queryLedgerState/utxo':
      return utxo(params, source, position);
    case 'queryLedgerState/eraSummaries':
      return result(eraSummaries(source.facts));
    case 'queryLedgerState/eraStart':
      return result({ time: { seconds: 0 }, slot: 0, epoch: 0 });
    case 'queryLedgerState/epoch':
      return result(epochOf(source.facts, point === 'origin' ? 0 : point.slot));
    case 'queryLedgerState/protocolParameters':
      return result(protocolParameters(version));
    case 'queryNetwork/tip':
      return result(tipPoint);
    case 'queryNetwork/blockHeight':
      return result(tip === 'origin' ? tip : tip.height);
    case 'queryNetwork/startTime':
      return result(source.facts.startTime);
    case 'queryNetwork/genesisConfiguration':
      return genesis(params, source, version);
    default:
      return UNSIMULATED.has(method)
        ? { type: 'unavailable' }
        : { type: 'invalid', problem: UNKNOWN_METHOD };
  }
}

const UNKNOWN_METHOD = "unknown method in 'method' (beware names are case-sensitive)";

const UNSIMULATED = new Set(
  [
    'constitution',
    'constitutionalCommittee',
    'delegateRepresentatives',
    'governanceProposals',
    'liveStakeDistribution',
    'nonces',
    'operationalCertificates',
    'projectedRewards',
    'rewardAccountSummaries',
    'rewardsProvenance',
    'stakePools',
    'stakePoolsPerformances',
    'treasuryAndReserves',
  ].map((name) => `queryLedgerState/${name}`),
);

const result = (value: Json): QueryOutcome => ({ type: 'result', result: value });

function utxo(params: unknown, source: BlockSource, position: string): QueryOutcome {
  const filter = utxoFilterOf(params);
  if (filter === undefined) {
    return { type: 'invalid', problem: 'params must hold addresses or outputReferences' };
  }
  return source.utxo === undefined
    ? { type: 'unavailable' }
    : { type: 'rendered', text: source.utxo(position, filter) };
}

function genesis(params: unknown, source: BlockSource, version: OgmiosVersion): QueryOutcome {
  const era: unknown =
    typeof params === 'object' && params !== null ? Reflect.get(params, 'era') : undefined;
  const found =
    typeof era === 'string' ? genesisConfiguration(source.facts, era, version) : undefined;
  return found === undefined
    ? { type: 'invalid', problem: 'era must be byron, shelley, alonzo or conway' }
    : result(found);
}
