import { networkId } from './address.js';
import type { OgmiosVersion } from './render.js';
import type { Json } from './transaction.js';

/** What is fixed for a network, as the node's genesis files say it. */
export type NetworkFacts = {
  readonly networkMagic: number;
  /** Time of slot 0, ISO 8601 UTC. */
  readonly startTime: string;
  readonly slotLengthMs: number;
  readonly epochLengthSlots: number;
  readonly securityParameter: number;
};

/** A test network with mainnet's constants; a session that is simulated has no clock to ask. */
export const networkFacts = (networkMagic: number): NetworkFacts => ({
  networkMagic,
  startTime: '2022-10-25T00:00:00Z',
  slotLengthMs: 1000,
  epochLengthSlots: 432_000,
  securityParameter: 2160,
});

const ada = (lovelace: bigint) => ({ ada: { lovelace } });
const bytes = (count: number) => ({ bytes: count });

const ERAS_BEFORE = ['byron', 'shelley', 'allegra', 'mary', 'alonzo', 'babbage'];

/** Every earlier era is empty: a test network starts in Conway. */
export function eraSummaries({
  slotLengthMs,
  epochLengthSlots,
  securityParameter,
}: NetworkFacts): Json {
  const bound = { time: { seconds: 0 }, slot: 0, epoch: 0 };
  const parameters = {
    epochLength: epochLengthSlots,
    slotLength: { milliseconds: slotLengthMs },
    // Three times k over f: within this many slots no hard fork can come unannounced.
    safeZone: securityParameter * 60,
  };
  return [
    ...ERAS_BEFORE.map(() => ({ start: bound, end: bound, parameters })),
    { start: bound, parameters },
  ];
}

export const epochOf = (facts: NetworkFacts, slot: number): number =>
  Math.floor(slot / facts.epochLengthSlots);

/** The genesis file of an era; undefined for an era that has none. */
export function genesisConfiguration(
  facts: NetworkFacts,
  era: string,
  version: OgmiosVersion,
): Json | undefined {
  switch (era) {
    case 'byron':
      return byron(facts);
    case 'shelley':
      return shelley(facts);
    case 'alonzo':
      return { era, updatableParameters: alonzoParameters() };
    case 'conway':
      return conway(version);
    default:
      return undefined;
  }
}

/** Mainnet's parameters of 2025, without the cost models: the devnet runs no scripts. */
export function protocolParameters(version: OgmiosVersion): Json {
  const { minUtxoDepositCoefficient, ...alonzo } = alonzoParameters();
  return {
    ...shelleyParameters(),
    ...alonzo,
    minUtxoDepositCoefficient,
    ...conwayParameters(),
    minFeeReferenceScripts,
    maxTransactionSize: bytes(16_384),
    ...(version === 6
      ? { maxReferenceScriptsSize: bytes(204_800) }
      : { maxReferenceScriptsSizePerTransaction: bytes(204_800) }),
    version: { major: 10, minor: 0 },
  };
}

const byron = (facts: NetworkFacts): Json => ({
  era: 'byron',
  genesisKeyHashes: [],
  genesisDelegations: {},
  startTime: facts.startTime,
  initialFunds: {},
  initialVouchers: {},
  securityParameter: facts.securityParameter,
  networkMagic: facts.networkMagic,
  updatableParameters: shelleyParameters(),
});

const shelley = (facts: NetworkFacts): Json => ({
  era: 'shelley',
  startTime: facts.startTime,
  networkMagic: facts.networkMagic,
  network: networkId(facts.networkMagic) === 1 ? 'mainnet' : 'testnet',
  activeSlotsCoefficient: '1/20',
  securityParameter: facts.securityParameter,
  epochLength: facts.epochLengthSlots,
  slotsPerKesPeriod: 129_600,
  maxKesEvolutions: 62,
  slotLength: { milliseconds: facts.slotLengthMs },
  updateQuorum: 5,
  maxLovelaceSupply: 45_000_000_000_000_000n,
  initialParameters: shelleyParameters(),
  initialDelegates: [],
  initialFunds: {},
  initialStakePools: { stakePools: {}, delegators: {} },
});

const shelleyParameters = () => ({
  minFeeCoefficient: 44,
  minFeeConstant: ada(155_381n),
  minUtxoDepositCoefficient: 0,
  minUtxoDepositConstant: ada(0n),
  maxBlockBodySize: bytes(90_112),
  maxBlockHeaderSize: bytes(1100),
  stakeCredentialDeposit: ada(2_000_000n),
  stakePoolDeposit: ada(500_000_000n),
  stakePoolRetirementEpochBound: 18,
  stakePoolPledgeInfluence: '3/10',
  minStakePoolCost: ada(170_000_000n),
  monetaryExpansion: '3/1000',
  treasuryExpansion: '1/5',
  desiredNumberOfStakePools: 500,
  version: { major: 2, minor: 0 },
});

const alonzoParameters = () => ({
  minUtxoDepositCoefficient: 4310,
  collateralPercentage: 150,
  plutusCostModels: {},
  maxCollateralInputs: 3,
  maxExecutionUnitsPerBlock: { memory: 62_000_000, cpu: 20_000_000_000 },
  maxExecutionUnitsPerTransaction: { memory: 14_000_000, cpu: 10_000_000_000 },
  maxValueSize: bytes(5000),
  scriptExecutionPrices: { memory: '577/10000', cpu: '721/10000000' },
});

const conway = (version: OgmiosVersion): Json => ({
  era: 'conway',
  constitution: {
    metadata: { url: 'https://example.invalid', hash: '00'.repeat(32) },
    guardrails: null,
  },
  constitutionalCommittee: { members: [], quorum: '2/3' },
  updatableParameters: {
    ...conwayParameters(),
    ...(version === 6 ? {} : { plutusCostModels: {}, minFeeReferenceScripts }),
  },
});

const conwayParameters = () => ({
  stakePoolVotingThresholds: {
    noConfidence: '51/100',
    constitutionalCommittee: { default: '51/100', stateOfNoConfidence: '51/100' },
    hardForkInitiation: '51/100',
    protocolParametersUpdate: { security: '51/100' },
  },
  constitutionalCommitteeMinSize: 7,
  constitutionalCommitteeMaxTermLength: 146,
  governanceActionLifetime: 6,
  governanceActionDeposit: ada(100_000_000_000n),
  delegateRepresentativeVotingThresholds: {
    noConfidence: '67/100',
    constitution: '3/4',
    constitutionalCommittee: { default: '67/100', stateOfNoConfidence: '3/5' },
    hardForkInitiation: '3/5',
    protocolParametersUpdate: {
      network: '67/100',
      economic: '67/100',
      technical: '67/100',
      governance: '3/4',
    },
    treasuryWithdrawals: '67/100',
  },
  delegateRepresentativeDeposit: ada(500_000_000n),
  delegateRepresentativeMaxIdleTime: 20,
});

const minFeeReferenceScripts = { range: 25_600, base: 15, multiplier: 1.2 };
