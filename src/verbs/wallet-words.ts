import type { UnsignedTransaction } from '../payouts/transaction/transaction.js';
import type { TidyingState } from '../payouts/wallet/tidying.js';
import type { JsonFlag } from './flags.js';
import { counted, printable, sayJson, showAda, type Terminal } from './terminal.js';

/** The very transactions, as they would be signed. */
export function sayDraft(
  terminal: Terminal,
  flags: JsonFlag,
  transactions: readonly UnsignedTransaction[],
): void {
  if (flags.json === true) {
    return sayJson(terminal, { dryRun: true, transactions: transactions.map(showUnsigned) });
  }
  for (const transaction of transactions) sayTransaction(terminal, transaction);
  const fees = transactions.reduce((sum, { fee }) => sum + fee, 0n);
  terminal.out(
    `${counted(transactions.length, 'transaction')}, ${ada(fees)} ada in fees; nothing was signed\n`,
  );
}

function sayTransaction(terminal: Terminal, transaction: UnsignedTransaction): void {
  const { id, inputs, change, fee, bytes, invalidHereafter } = transaction;
  terminal.out(`transaction ${id}\n`);
  terminal.out(`  fee ${ada(fee)} ada, ${bytes} bytes, valid below slot ${invalidHereafter}\n`);
  for (const { reference, lovelace, assets } of inputs) {
    terminal.out(`  spends ${reference}  ${ada(lovelace)} ada${withAssets(assets)}\n`);
  }
  for (const { outputIndex, lovelace, assets } of change) {
    terminal.out(`  makes  #${outputIndex}  ${ada(lovelace)} ada${withAssets(assets)}\n`);
  }
}

const withAssets = (assets: ReadonlyMap<string, bigint>): string =>
  assets.size === 0 ? '' : ` and ${counted(assets.size, 'asset')}`;

const ada = (lovelace: bigint): string => showAda(lovelace.toString());

const showUnsigned = (transaction: UnsignedTransaction) => ({
  txHash: transaction.id,
  cbor: transaction.cbor,
  feeLovelace: transaction.fee.toString(),
  bytes: transaction.bytes,
  invalidHereafter: transaction.invalidHereafter,
  inputs: transaction.inputs.map(({ reference, ...value }) => ({
    output: reference,
    ...showValue(value),
  })),
  outputs: transaction.change.map(({ outputIndex, ...value }) => ({
    index: outputIndex,
    ...showValue(value),
  })),
});

const showValue = ({
  lovelace,
  assets,
}: {
  readonly lovelace: bigint;
  readonly assets: ReadonlyMap<string, bigint>;
}) => ({
  lovelace: lovelace.toString(),
  assets: Object.fromEntries([...assets].map(([unit, amount]) => [unit, amount.toString()])),
});

/** What became of the transactions that went out. */
export function sayOutcome(
  terminal: Terminal,
  flags: JsonFlag,
  states: readonly TidyingState[],
): void {
  if (flags.json === true) return sayJson(terminal, { dryRun: false, transactions: states });
  for (const { txHash, blockHeight, lastAnswer } of states) {
    terminal.out(
      blockHeight === null
        ? `${txHash}: submitted (${printable(lastAnswer ?? 'no answer yet')}), in no block yet; whoever pays looks after it\n`
        : `${txHash}: in block ${blockHeight}\n`,
    );
  }
}
