/** From when on what an address receives counts. */
export type Watching = {
  /** Outputs in blocks above it count; null where it isn't known. */
  readonly watchedFrom: number | null;
  /** Height of the ledger that was asked for what was there before; null until then. */
  readonly backfilledHeight: number | null;
  /** Whether what it held before is a payment; it is recorded as ignored else. */
  readonly backfill: boolean;
};

/**
 * Whether what is unspent at the address must be recorded, whenever it was made. Until the ledger was
 * asked for what was there before, an output that isn't known proves nothing: no ledger tells how old
 * its outputs are.
 */
export const isCovered = (
  { backfilledHeight }: Omit<Watching, 'backfill'>,
  height: number,
): boolean => backfilledHeight !== null && backfilledHeight <= height;
