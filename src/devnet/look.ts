import type { DevnetChain } from './chain.js';
import type { DevnetTransaction, DraftOutput } from './transaction.js';
import { effectOf } from './transaction.js';

/** An output as the control API shows it: amounts are decimal strings. */
export const showAmounts = ({ address, lovelace, assets }: DraftOutput) => ({
  address,
  lovelace: lovelace.toString(),
  assets: Object.fromEntries([...(assets ?? [])].map(([unit, n]) => [unit, n.toString()])),
});

/** What was submitted and could be in the next block. */
export const pending = ({ mempool }: DevnetChain) => mempool.transactions().map(show);

/** The best chain's transactions that pay one of the addresses or have one of the ids. */
export function onChain(chain: DevnetChain, addresses: readonly string[], ids: readonly string[]) {
  const wanted = new Set(addresses);
  const known = new Set(ids);
  const { tip } = chain;
  return chain.blocks().flatMap(({ id: block, height, slot, transactions }) =>
    transactions
      .filter(
        (one) =>
          known.has(one.id) || effectOf(one).created.some(([, { address }]) => wanted.has(address)),
      )
      .map((one) => {
        const confirmations = tip === 'origin' ? 0 : tip.height - height + 1;
        return { ...show(one), block, height, slot, confirmations };
      }),
  );
}

function show(transaction: DevnetTransaction) {
  const { id, fee, extras, signed } = transaction;
  const { spent, created } = effectOf(transaction);
  return {
    id,
    inputs: spent,
    outputs: created.map(([reference, output]) => ({ reference, ...showAmounts(output) })),
    fee: fee.toString(),
    invalidAfter: extras.validityInterval?.invalidAfter?.toString() ?? null,
    bytes: signed?.bytes ?? null,
  };
}
