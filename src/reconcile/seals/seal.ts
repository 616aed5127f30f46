import { createHash } from 'node:crypto';

/** Tables that are only ever appended to, each sealed by a chain of its own: balance_transactions and audit_log. */
export const SEAL_CHAINS = ['ledger', 'audit'] as const;
export type SealChain = (typeof SEAL_CHAINS)[number];

/** Rows of an id range, by one hash. Ranges follow each other without a gap; ids within one may be missing. */
export type Seal = {
  readonly seal: number;
  readonly firstId: bigint;
  readonly lastId: bigint;
  readonly rows: number;
  /** Of the chain, this seal included. */
  readonly rowsTotal: number;
  readonly contentHash: string;
  readonly hash: string;
};

/** Rows that are to be sealed next, in one piece. */
export type Piece = Pick<Seal, 'lastId' | 'rows' | 'contentHash'>;

/** Where a chain ends: with this noted elsewhere, nobody cuts it off unseen. */
export type SealHead = Pick<Seal, 'seal' | 'lastId' | 'hash'> & { readonly rows: number };

export const NO_SEALS: SealHead = { seal: 0, lastId: 0n, rows: 0, hash: '0'.repeat(64) };

/** The next seals, each linked to the one before. */
export function linkSeals(chain: SealChain, head: SealHead, pieces: readonly Piece[]): Seal[] {
  let before = head;
  return pieces.map(({ lastId, rows, contentHash }) => {
    const seal = before.seal + 1;
    const firstId = before.lastId + 1n;
    const rowsTotal = before.rows + rows;
    // The text of CHECK_LINKS: whoever changes one of them changes both.
    const words = [before.hash, chain, seal, firstId, lastId, rows, rowsTotal, contentHash];
    const hash = createHash('sha256').update(words.join(' ')).digest('hex');
    before = { seal, lastId, rows: rowsTotal, hash };
    return { seal, firstId, lastId, rows, rowsTotal, contentHash, hash };
  });
}
