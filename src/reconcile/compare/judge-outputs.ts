import { type OutputReference, outputReference } from '../../chain/block.js';
import type { UnspentOutput } from '../../chain/utxo.js';
import type { ChainOutput, Finding } from '../model/finding.js';
import { compareOutput, countsFromBefore } from './compare-output.js';
import { isMisplaced } from './misplaced.js';
import type { Recorded } from './recorded-queries.js';
import { isCovered, type Watching } from './watching.js';

export type Watched = Watching & { readonly address: string; readonly userId: string | null };

/** Why an output has to be looked for in blocks, which alone know placements and who spent what. */
export const DOUBTS = ['gone', 'placement', 'missing'] as const;
export type Doubt = (typeof DOUBTS)[number];

export type Suspect = Omit<Finding, 'type' | 'unexplained'> & { readonly doubt: Doubt };

export type Surroundings = {
  readonly height: number;
  readonly hotWallet: string | null;
  readonly watched: ReadonlyMap<string, Watched>;
  readonly confirmationsHeld: boolean;
};

export type Judgement = {
  readonly matched: number;
  readonly findings: readonly Finding[];
  readonly suspects: readonly Suspect[];
};

/** As the ledger tells of it: it knows no blocks. */
export const fromLedger = ({ txHash, output }: UnspentOutput): ChainOutput => ({
  reference: outputReference(txHash, output.index),
  address: output.address,
  lovelace: output.value.lovelace,
  assets: output.value.assets,
  hasScript: output.hasScript,
  placement: null,
  spent: 'unspent',
});

/** Whether the ledger has to be asked for it: the books hold it to be unspent. */
export const isHeld = (row: Pick<Recorded, 'spent' | 'status'>): boolean =>
  row.spent === null && row.status !== 'rolled_back';

/**
 * Whether a recorded output is the run's affair. Blocks say nothing any more about an address that was
 * the hot wallet before; and what a rollback left of the hot wallet's past waits to be asked for again.
 */
export function isCompared(
  row: Recorded,
  onChain: ChainOutput | undefined,
  surroundings: Surroundings,
): boolean {
  const { hotWallet, watched, height } = surroundings;
  if (row.kind !== 'wallet') return true;
  if (isMisplaced(row, onChain?.address ?? null, surroundings)) return true;
  if (row.address !== hotWallet) return false;
  if (row.placement !== null || row.countedFrom !== null) return true;
  const wallet = watched.get(hotWallet);
  return wallet !== undefined && isCovered(wallet, height);
}

/** Hash and slot of the blocks that are stored, by height. */
export type StoredHeaders = ReadonlyMap<number, { readonly hash: string; readonly slot: number }>;

/** Recorded outputs against the ledger, and their blocks against those that were followed. */
export function judgeRecorded(
  rows: readonly Recorded[],
  unspent: ReadonlyMap<OutputReference, ChainOutput>,
  headers: StoredHeaders,
  surroundings: Surroundings,
): Judgement {
  let matched = 0;
  const findings: Finding[] = [];
  const suspects: Suspect[] = [];
  for (const recorded of rows) {
    const { reference, address } = recorded;
    const onChain = unspent.get(reference) ?? null;
    const side = { reference, address, recorded, onChain };
    if (isWrongHere(recorded, onChain, surroundings)) {
      suspects.push({ ...side, doubt: 'placement' });
    } else if (isHeld(recorded) && onChain === null) {
      suspects.push({ ...side, doubt: 'gone' });
    } else if (
      isPlacementDoubtful(recorded, headers) ||
      isBack(recorded, onChain) ||
      isSpentByOther(recorded, surroundings)
    ) {
      suspects.push({ ...side, doubt: 'placement' });
    } else if (onChain !== null) {
      const found = findingsOf(recorded, onChain, surroundings);
      findings.push(...found);
      if (found.length === 0) matched += 1;
    }
  }
  return { matched, findings, suspects };
}

/**
 * In the wrong table; or it counts although what its address held before is ignored. Blocks say whether one
 * of them brought it all the same.
 */
function isWrongHere(
  recorded: Recorded,
  onChain: ChainOutput | null,
  surroundings: Surroundings,
): boolean {
  if (recorded.status === 'rolled_back') return false;
  if (isMisplaced(recorded, onChain?.address ?? null, surroundings)) return true;
  const isIgnored = surroundings.watched.get(recorded.address)?.backfill === false;
  return isIgnored && countsFromBefore(recorded);
}

/** Rolled back, and the ledger holds it: only its block tells whether it had to be recorded again. */
const isBack = ({ status }: Recorded, onChain: ChainOutput | null): boolean =>
  status === 'rolled_back' && onChain !== null;

/** No ledger holds it any more, and it isn't whose its address is: only blocks tell which address that is. */
const isSpentByOther = (
  { kind, status, spent, address, userId }: Recorded,
  { watched }: Surroundings,
): boolean =>
  kind === 'payment' &&
  status !== 'rolled_back' &&
  spent !== null &&
  watched.get(address)?.userId !== userId;

/** All ways in which the two sides of one output differ. */
export function findingsOf(
  recorded: Recorded,
  onChain: ChainOutput | null,
  { height, watched, hotWallet, confirmationsHeld }: Surroundings,
): Finding[] {
  const chainAddress = onChain?.address ?? recorded.address;
  const owner = chainAddress === hotWallet ? null : (watched.get(chainAddress)?.userId ?? null);
  const isOurs = chainAddress === hotWallet || watched.has(chainAddress);
  const backfill = watched.get(chainAddress)?.backfill ?? true;
  const types = compareOutput(recorded, onChain, { height, owner, backfill, confirmationsHeld });
  return types.map((type) => ({
    type,
    reference: recorded.reference,
    address: chainAddress,
    recorded,
    onChain,
    unexplained: isOurs ? null : 'on the chain it pays an address that nobody registered',
  }));
}

function isPlacementDoubtful(row: Recorded, headers: StoredHeaders): boolean {
  const { placement, countedFrom, status } = row;
  // Rolled back, and in a block or spent: one of the two isn't true.
  if (status === 'rolled_back') return placement !== null || row.spent !== null;
  if (placement === null) return countedFrom === null;
  const header = headers.get(placement.height);
  return (
    header !== undefined && (header.hash !== placement.blockHash || header.slot !== placement.slot)
  );
}

/** What the books have of an output that the ledger holds. */
export type Known = {
  readonly recorded: Recorded | null;
  /** In a block above the point of the comparison, which can't be: the ledger there holds it. */
  readonly recordedAbove: Recorded | null;
  /** In another partition's books. */
  readonly elsewhere: boolean;
};

/** Outputs that the ledger holds at watched addresses, against the books. */
export function judgeUnspent(
  unspent: readonly ChainOutput[],
  known: (output: ChainOutput) => Known,
  surroundings: Surroundings,
): Judgement & { readonly counted: readonly ChainOutput[] } {
  const findings: Finding[] = [];
  const suspects: Suspect[] = [];
  const counted: ChainOutput[] = [];
  for (const onChain of unspent) {
    const { reference, address } = onChain;
    const watched = surroundings.watched.get(address);
    if (watched === undefined) continue;
    const { recorded, recordedAbove, elsewhere } = known(onChain);
    const covered = isCovered(watched, surroundings.height);
    const side = { reference, address, onChain };
    if (recorded !== null && isHeld(recorded)) {
      // It was compared with the other recorded outputs.
      counted.push(onChain);
    } else if (recorded !== null) {
      if (!covered && recorded.status === 'rolled_back') continue;
      counted.push(onChain);
      suspects.push({ ...side, recorded, doubt: 'placement' });
    } else if (recordedAbove !== null) {
      counted.push(onChain);
      suspects.push({ ...side, recorded: recordedAbove, doubt: 'placement' });
    } else if (covered && elsewhere) {
      findings.push({ ...side, type: 'missing_in_db', recorded: null, unexplained: ELSEWHERE });
    } else if (covered) {
      counted.push(onChain);
      suspects.push({ ...side, recorded: null, doubt: 'missing' });
    }
  }
  return { matched: 0, findings, suspects, counted };
}

const ELSEWHERE =
  'it is recorded in the books of another partition: a person must look which one the address belongs to';
