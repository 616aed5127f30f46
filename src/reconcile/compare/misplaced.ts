import type { Recorded } from './recorded-queries.js';
import type { Watching } from './watching.js';

type Row = Pick<Recorded, 'kind' | 'address' | 'placement' | 'countedFrom'>;
export type Places = {
  readonly hotWallet: string | null;
  readonly watched: ReadonlyMap<string, Pick<Watching, 'watchedFrom'>>;
};

/**
 * Whether a row stands in the wrong table: among the payments, and the wallet's on the chain; or among the
 * wallet's outputs, and of an address that was watched for payments when it came. What an address received
 * while it still was the hot wallet stays where it is.
 *
 * @param chainAddress null where the chain wasn't asked, or doesn't have it
 */
export function isMisplaced(
  row: Row,
  chainAddress: string | null,
  { hotWallet, watched }: Places,
): boolean {
  const address = chainAddress ?? row.address;
  if (row.kind === 'payment') return address === hotWallet;
  if (address === hotWallet) return false;
  if (address !== row.address) return true;
  const watching = watched.get(address);
  const from = row.placement?.height ?? row.countedFrom;
  return watching !== undefined && from !== null && from >= (watching.watchedFrom ?? -1);
}
