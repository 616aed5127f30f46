import type { Stage } from './stage.js';
import { expectThat } from './wait.js';

/** What an unspent output is, in one line that can be compared. */
const tell = (reference: string, lovelace: string, assets: Iterable<[string, string]>): string =>
  [reference, lovelace, ...[...assets].map(([unit, n]) => `${unit}:${n}`).sort()].join(' ');

/**
 * Compares what the worker says is unspent with the simulated chain's own ledger at its tip, output by
 * output, amounts and native assets included.
 *
 * @returns how many outputs and how many lovelace both sides have
 */
export async function compareWithChain(
  { api, devnet }: Stage,
  addresses: readonly string[],
): Promise<{ readonly outputs: number; readonly lovelace: bigint }> {
  const { tip } = devnet.chain;
  const unspent = devnet.chain.unspentAt(tip === 'origin' ? tip : tip.id, addresses);
  const onChain = [...unspent].map(([reference, { lovelace, assets }]) =>
    tell(
      reference,
      lovelace.toString(),
      [...assets].map(([unit, n]): [string, string] => [unit, n.toString()]),
    ),
  );
  const payments = await api.payments();
  const inBooks = payments
    .filter(({ status, spentBy }) => status !== 'rolled_back' && spentBy === null)
    .map(({ txHash, outputIndex, amountLovelace, assets }) =>
      tell(`${txHash}#${outputIndex}`, amountLovelace, Object.entries(assets)),
    );
  const missing = onChain.filter((line) => !inBooks.includes(line));
  const extra = inBooks.filter((line) => !onChain.includes(line));
  expectThat(missing.length === 0, `on the chain and not in the books: ${missing.join(', ')}`);
  expectThat(extra.length === 0, `in the books and not on the chain: ${extra.join(', ')}`);
  const lovelace = [...unspent.values()].reduce((sum, output) => sum + output.lovelace, 0n);
  return { outputs: onChain.length, lovelace };
}
