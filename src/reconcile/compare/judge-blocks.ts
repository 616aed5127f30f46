import type { OutputReference } from '../../chain/block.js';
import type { ChainOutput } from '../model/finding.js';
import type { ChainSpend } from './block-evidence.js';
import { compareOutput } from './compare-output.js';
import type { Suspect } from './judge-outputs.js';
import type { Recorded } from './recorded-queries.js';

/** Blocks of some heights beside the rows that say they are of these blocks. */
export type BlocksAndRows = {
  /** Heights (the first exclusive). */
  readonly above: number;
  readonly upTo: number;
  /** Outputs of these blocks that must be recorded. */
  readonly outputs: readonly ChainOutput[];
  readonly spends: ReadonlyMap<OutputReference, ChainSpend>;
  /** Rows of these outputs, rows that these blocks spend, and rows that say they are of these heights. */
  readonly recorded: readonly Recorded[];
  readonly hotWallet: string | null;
};

/** Every row that isn't exactly what the blocks say. What it should be is found out one by one. */
export function judgeBlocks(compared: BlocksAndRows): Suspect[] {
  const { outputs, recorded, hotWallet } = compared;
  const kindOf = ({ address }: ChainOutput) => (address === hotWallet ? 'wallet' : 'payment');
  const there = new Set(recorded.map(({ kind, reference }) => `${kind} ${reference}`));
  const made = new Map(outputs.map((output) => [output.reference, output]));
  const missing = outputs.flatMap((onChain): Suspect[] => {
    const { reference, address } = onChain;
    if (there.has(`${kindOf(onChain)} ${reference}`)) return [];
    return [{ doubt: 'missing', reference, address, recorded: null, onChain }];
  });
  const different = recorded.flatMap((row): Suspect[] => {
    const { reference, address } = row;
    const output = made.get(reference);
    const isElsewhere = output !== undefined && row.kind !== kindOf(output);
    if (isElsewhere ? row.status === 'rolled_back' : !differs(row, output, compared)) return [];
    return [{ doubt: 'placement', reference, address, recorded: row, onChain: null }];
  });
  return [...missing, ...different];
}

function differs(row: Recorded, made: ChainOutput | undefined, compared: BlocksAndRows): boolean {
  const { above, upTo, spends } = compared;
  const isWithin = (height: number | null): boolean =>
    height !== null && height > above && height <= upTo;
  if (made === undefined && isWithin(row.placement?.height ?? null)) return true;
  if (made !== undefined && madeDiffers(row, made)) return true;
  const spend = spends.get(row.reference);
  if (spend === undefined) return isWithin(row.spent?.height ?? null);
  return row.spent?.txHash !== spend.txHash || row.spent.height !== spend.height;
}

/** What it was when it was made: who spent it, and whose it is, aren't looked at here. */
function madeDiffers(row: Recorded, made: ChainOutput): boolean {
  if (row.status === 'rolled_back') return true;
  const spent = row.spent === null ? 'unspent' : 'gone';
  const unheld = { height: -1, owner: row.userId, backfill: true, confirmationsHeld: true };
  return compareOutput(row, { ...made, spent }, unheld).length > 0;
}
