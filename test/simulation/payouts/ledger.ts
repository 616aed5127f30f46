import type { DevnetBlock, DevnetChain } from '../../../src/devnet/chain.js';
import { effectOf } from '../../../src/devnet/transaction.js';

/** What one block pays to addresses that only payouts pay. */
type Paid = { readonly address: string; readonly lovelace: bigint; readonly txHash: string };

const remembered = new WeakMap<DevnetBlock, readonly Paid[]>();

/** Every destination is used once, so an address that is paid twice is a payout that is paid twice. */
export function paidOn(
  chain: DevnetChain,
  path: readonly DevnetBlock[],
  destinations: ReadonlySet<string>,
): Map<string, Paid[]> {
  const found = new Map<string, Paid[]>();
  for (const block of path) {
    for (const paid of paidIn(chain, block)) {
      if (!destinations.has(paid.address)) continue;
      found.set(paid.address, [...(found.get(paid.address) ?? []), paid]);
    }
  }
  return found;
}

function paidIn(chain: DevnetChain, block: DevnetBlock): readonly Paid[] {
  const known = remembered.get(block);
  if (known !== undefined) return known;
  if (chain.block(block.id) !== block) throw new Error('a block of another chain');
  const paid = block.transactions.flatMap((transaction) =>
    effectOf(transaction).created.map(([, { address, lovelace }]) => ({
      address,
      lovelace,
      txHash: transaction.id,
    })),
  );
  remembered.set(block, paid);
  return paid;
}

/** What a transaction on the chain gave to the network. */
export const feeOf = (chain: DevnetChain, txHash: string): bigint | undefined =>
  chain
    .blocks()
    .flatMap((block) => block.transactions)
    .find((transaction) => transaction.id === txHash)?.fee;
