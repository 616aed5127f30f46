import type { AssetUnit, Lovelace } from '../../chain/block.js';
import type { ChangeOutput } from './change.js';
import {
  type Coins,
  layOut,
  type Purchase,
  type Selection,
  selectCoins,
  spend,
} from './coin-selection.js';
import { outputDemand } from './minimum.js';
import { addressBytes, outputBytes } from './output-size.js';
import type { BuildProblem, Payee, TransactionRequest, WalletOutput } from './transaction.js';
import { leastFee } from './transaction-size.js';

/** What a transaction is to say, before it is written. */
export type Draft = {
  /** In the ledger's order. */
  readonly inputs: readonly WalletOutput[];
  readonly anchor: WalletOutput;
  readonly payees: readonly Payee[];
  readonly change: readonly ChangeOutput[];
  readonly fee: Lovelace;
  readonly bytes: number;
};

export type DraftResult =
  | { readonly ok: true; readonly draft: Draft }
  | { readonly ok: false; readonly problem: BuildProblem };

/** Who is paid, from which outputs, with what change and fee; or why that can't be. */
export function draftTransaction(request: TransactionRequest): DraftResult {
  const { payees, parameters, anchor } = request;
  refuseNonsense(payees);
  if (payees.length === 0) return sweep(request);
  if (request.extent === 'sweep') throw new RangeError('a sweep pays nobody but the wallet');
  const lengths = payees.map(({ address }) => addressBytes(address).length);
  for (const [i, payee] of payees.entries()) {
    const problem = payeeProblem(payee, lengths[i] ?? 0, request);
    if (problem !== null) return { ok: false, problem };
  }
  // Whoever spends an output with a script pays for the script's bytes, and nobody here knows them.
  const candidates = request.candidates.filter(
    ({ reference, hasScript }) => !hasScript && reference !== anchor?.reference,
  );
  const units = new Set(payees.flatMap(({ assets }) => [...assets.keys()]));
  const coins = layOut(anchor, candidates, units, parameters);
  const purchaseOf = purchases(request, lengths);
  return request.extent === 'all'
    ? payAll(request, coins, purchaseOf(payees.length))
    : payMost(request, coins, purchaseOf);
}

/** What the library would write as something else altogether: negative amounts become huge ones. */
function refuseNonsense(values: readonly Pick<Payee, 'lovelace' | 'assets'>[]): void {
  for (const { lovelace, assets } of values) {
    if (lovelace <= 0n) throw new RangeError(`an output can't hold ${lovelace} lovelace`);
    for (const [unit, quantity] of assets) {
      if (quantity <= 0n) throw new RangeError(`an output can't hold ${quantity} of ${unit}`);
    }
  }
}

function payeeProblem(
  { payoutId, lovelace, assets }: Payee,
  addressLength: number,
  { parameters }: TransactionRequest,
): BuildProblem | null {
  const { minimum, fits } = outputDemand(addressLength, lovelace, assets, parameters);
  if (!fits) return { type: 'output_too_large', payoutId };
  return lovelace < minimum ? { type: 'output_below_minimum', payoutId, minimum } : null;
}

type PurchaseOf = (payees: number) => Purchase;

/** What the first so many payees cost. */
function purchases(request: TransactionRequest, lengths: readonly number[]): PurchaseOf {
  const addressLength = addressBytes(request.wallet).length;
  return (count) => {
    const assets = new Map<AssetUnit, bigint>();
    let payeeBytes = 0;
    let lovelace = 0n;
    for (const [i, payee] of request.payees.slice(0, count).entries()) {
      payeeBytes += outputBytes(lengths[i] ?? 0, payee.lovelace, payee.assets);
      lovelace += payee.lovelace;
      for (const [unit, quantity] of payee.assets) {
        assets.set(unit, (assets.get(unit) ?? 0n) + quantity);
      }
    }
    const { parameters, invalidHereafter, spareOutputs } = request;
    const fixed = { parameters, addressLength, invalidHereafter, spareOutputs };
    return { ...fixed, payees: count, payeeBytes, lovelace, assets };
  };
}

function payAll(request: TransactionRequest, coins: Coins, purchase: Purchase): DraftResult {
  const selection = selectCoins(purchase, coins);
  if (selection.type === 'selected') return drafted(request.payees, selection);
  const problem: BuildProblem =
    selection.type === 'too_large'
      ? { type: 'too_large', bytes: selection.bytes }
      : { type: 'too_little_funds', missing: selection.missing };
  return { ok: false, problem };
}

/**
 * Halving finds the most payees that can be paid, since more of them need more. Nearly: paying out the
 * last of a token makes its change unnecessary. So where halving finds none, each number is tried.
 */
function payMost(request: TransactionRequest, coins: Coins, purchaseOf: PurchaseOf): DraftResult {
  const { payees } = request;
  const tryFirst = (count: number): Selection => selectCoins(purchaseOf(count), coins);
  const most = mostByBytes(payees.length, purchaseOf);
  let best = tryFirst(most);
  let [paid, tooMany] = best.type === 'selected' ? [most, most] : [0, most];
  while (tooMany - paid > 1) {
    const middle = Math.floor((paid + tooMany) / 2);
    const selection = tryFirst(middle);
    if (selection.type === 'selected') [best, paid] = [selection, middle];
    else tooMany = middle;
  }
  const hasTokens = payees.some(({ assets }) => assets.size > 0);
  for (let count = 2; hasTokens && paid === 0 && count < most; count += 1) {
    const selection = tryFirst(count);
    if (selection.type === 'selected') [best, paid] = [selection, count];
  }
  if (best.type === 'selected') return drafted(payees.slice(0, paid), best);
  const first = tryFirst(1);
  if (first.type === 'selected') return drafted(payees.slice(0, 1), first);
  return { ok: false, problem: { type: 'too_little_funds', missing: first.missing } };
}

/** No more than that have room, whatever is spent. At least one: its own output fits. */
function mostByBytes(payees: number, purchaseOf: PurchaseOf): number {
  let [fits, tooMany] = [1, payees + 1];
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    const purchase = purchaseOf(middle);
    if (purchase.payeeBytes <= purchase.parameters.transactionBytesMax) fits = middle;
    else tooMany = middle;
  }
  return fits;
}

function sweep(request: TransactionRequest): DraftResult {
  const { anchor, parameters } = request;
  const others = request.candidates.filter(({ reference }) => reference !== anchor?.reference);
  const given = anchor === null ? others : [anchor, ...others];
  const { inputs, anchor: chosen, plan } = spend(purchases(request, [])(0), given, anchor, 0);
  if (plan.bytes > parameters.transactionBytesMax) {
    return { ok: false, problem: { type: 'too_large', bytes: plan.bytes } };
  }
  if (plan.type === 'covered' && plan.outputs.length > 0 && chosen !== undefined) {
    return drafted([], { type: 'selected', inputs, anchor: chosen, plan });
  }
  const missing = plan.missing ?? leastFee(plan.bytes, parameters);
  return {
    ok: false,
    problem: { type: 'too_little_funds', missing: new Map([['lovelace', missing]]) },
  };
}

function drafted(
  payees: readonly Payee[],
  { inputs, anchor, plan }: Extract<Selection, { readonly type: 'selected' }>,
): DraftResult {
  refuseNonsense(inputs);
  const { outputs: change, fee, bytes } = plan;
  return { ok: true, draft: { inputs, anchor, payees, change, fee, bytes } };
}
