import type { Ledger } from './ledger.js';
import { LedgerError } from './ledger.js';
import type {
  Assets,
  DevnetOutput,
  DevnetTransaction,
  DraftOutput,
  Extras,
  Reference,
} from './transaction.js';
import { identify } from './transaction.js';

/** What somebody wants to happen; inputs, change, fee and minting are found so that value is conserved. */
export type TransactionDraft = {
  readonly pay: readonly DraftOutput[];
  /** Outputs to spend, whoever owns them; the faucet adds what is missing. */
  readonly spend?: readonly Reference[];
  /** Where the rest goes; the faucet by default. */
  readonly change?: string;
  /** The script fails: nothing of `pay` exists, collateral is lost. */
  readonly failed?: boolean;
  /** Where a failed script's collateral goes back to; `false` for no return, as before Babbage. */
  readonly collateralReturn?: string | false;
  /** Outputs put up as collateral; a small one of the devnet's own where the script fails. */
  readonly collaterals?: readonly Reference[];
  readonly burn?: Assets;
  readonly withdrawals?: ReadonlyMap<string, bigint>;
  readonly extras?: Extras;
};

/** The devnet's own addresses: one pays, the other's small outputs are lost with failed scripts. */
export type Wallet = { readonly faucet: string; readonly purse: string };

/** What the ledger can hold in one output: an unsigned 64-bit integer. */
const QUANTITY_MAX = 2n ** 64n - 1n;
/** No change below this: about what an output must hold on mainnet. */
const CHANGE_MIN = 1_000_000n;
const COLLATERAL = 5_000_000n;

/** Turns a draft into a transaction that spends outputs of `ledger`. Changes nothing. */
export function complete(
  draft: TransactionDraft,
  ledger: Ledger,
  wallet: Wallet,
): DevnetTransaction {
  for (const output of draft.pay) checkOutput(output);
  const fee =
    168_000n + 1_000n * BigInt(draft.pay.length) + 500n * BigInt(draft.spend?.length ?? 0);
  const withdrawals = draft.withdrawals ?? new Map<string, bigint>();
  const paid = draft.pay.reduce((sum, output) => sum + output.lovelace, fee);
  const wanted = paid - [...withdrawals.values()].reduce((sum, lovelace) => sum + lovelace, 0n);
  const inputs = fund(draft.spend ?? [], wanted, ledger, wallet.faucet);
  const { change, mint } = balance(draft, inputs, wanted, draft.change ?? wallet.faucet);
  return identify({
    spends: draft.failed === true ? 'collaterals' : 'inputs',
    inputs: [...inputs.keys()],
    outputs: [...draft.pay, ...change],
    ...collateral(draft, ledger, wallet),
    fee,
    mint,
    withdrawals,
    extras: draft.extras ?? {},
  });
}

function checkOutput({ address, lovelace, assets }: DraftOutput): void {
  for (const [unit, quantity] of [['lovelace', lovelace] as const, ...(assets ?? [])]) {
    if (quantity <= 0n || quantity > QUANTITY_MAX) {
      throw new RangeError(`${address} can't be paid ${quantity} of ${unit}: 1 to 2^64-1`);
    }
  }
}

/** The wanted inputs, and of the faucet's as many as it takes to pay, with change left over. */
function fund(
  spend: readonly Reference[],
  wanted: bigint,
  ledger: Ledger,
  faucet: string,
): Map<Reference, DevnetOutput> {
  const inputs = new Map<Reference, DevnetOutput>();
  let held = 0n;
  const take = (reference: Reference): void => {
    const output = ledger.utxo.get(reference);
    if (output === undefined) throw new LedgerError(`${reference} is not there to be spent`);
    if (inputs.has(reference)) return;
    inputs.set(reference, output);
    held += output.lovelace;
  };
  for (const reference of spend) take(reference);
  for (const reference of ledger.at(faucet)) {
    if (inputs.size > 0 && held >= wanted + CHANGE_MIN) return inputs;
    take(reference);
  }
  if (held >= wanted + CHANGE_MIN) return inputs;
  throw new LedgerError(`the faucet can't pay ${wanted} lovelace`);
}

/** Assets that go in without coming out are change; those that come out without going in are minted. */
function balance(
  draft: TransactionDraft,
  inputs: ReadonlyMap<Reference, DevnetOutput>,
  wanted: bigint,
  address: string,
): { change: DraftOutput[]; mint: Assets } {
  const rest = new Map<string, bigint>();
  const add = (unit: string, quantity: bigint) => rest.set(unit, (rest.get(unit) ?? 0n) + quantity);
  let lovelace = -wanted;
  for (const input of inputs.values()) {
    lovelace += input.lovelace;
    for (const [unit, quantity] of input.assets) add(unit, quantity);
  }
  for (const output of draft.pay) for (const [unit, n] of output.assets ?? []) add(unit, -n);
  const mint = new Map<string, bigint>();
  const kept = new Map<string, bigint>();
  for (const [unit, quantity] of rest) {
    const burnt = quantity > 0n ? least(quantity, draft.burn?.get(unit) ?? 0n) : 0n;
    const minted = quantity < 0n ? -quantity : -burnt;
    if (minted !== 0n) mint.set(unit, minted);
    if (quantity + minted > 0n) kept.set(unit, quantity + minted);
  }
  return { change: changeOutputs(address, lovelace, kept), mint };
}

/** One output, and one more for every 2^64-1 of an asset: no output can hold more of it. */
function changeOutputs(
  address: string,
  lovelace: bigint,
  assets: Map<string, bigint>,
): DraftOutput[] {
  const bundles = [new Map<string, bigint>()];
  for (const [unit, quantity] of assets) {
    let rest = quantity;
    for (let i = 0; rest > 0n; i += 1) {
      const part = least(rest, QUANTITY_MAX);
      const bundle = bundles[i] ?? new Map<string, bigint>();
      bundles[i] = bundle.set(unit, part);
      rest -= part;
    }
  }
  const share = lovelace / BigInt(bundles.length);
  return bundles.map((bundle, i) => ({
    address,
    lovelace: i === 0 ? lovelace - share * BigInt(bundles.length - 1) : share,
    assets: bundle,
  }));
}

function collateral(
  draft: TransactionDraft,
  ledger: Ledger,
  { faucet, purse }: Wallet,
): Pick<DevnetTransaction, 'collaterals' | 'collateralReturn' | 'totalCollateral'> {
  const [own] = [...ledger.at(purse), ...ledger.at(faucet)];
  const collaterals = draft.collaterals ?? (draft.failed === true && own ? [own] : []);
  if (collaterals.length === 0) return { collaterals };
  let lovelace = 0n;
  const assets = new Map<string, bigint>();
  for (const reference of collaterals) {
    const output = ledger.utxo.get(reference);
    if (output === undefined) throw new LedgerError(`${reference} is not there to be collateral`);
    lovelace += output.lovelace;
    for (const [unit, n] of output.assets) assets.set(unit, (assets.get(unit) ?? 0n) + n);
  }
  // Assets can't be lost as collateral: they force a return.
  if (assets.size === 0 && draft.collateralReturn === false) {
    return { collaterals, totalCollateral: lovelace };
  }
  const lost = least(COLLATERAL, lovelace / 2n);
  const to = draft.collateralReturn;
  const address = to === undefined || to === false ? purse : to;
  return {
    collaterals,
    collateralReturn: { address, lovelace: lovelace - lost, assets },
    totalCollateral: lost,
  };
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
