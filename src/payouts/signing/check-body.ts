import { parseAddress } from '../../chain/address.js';
import type { AssetUnit, Lovelace } from '../../chain/block.js';
import type { Network } from '../../chain/network.js';
import { METADATA_LABEL, METADATA_VERSION } from '../transaction/metadata.js';
import type { UnsignedTransaction } from '../transaction/transaction.js';
import { type ReadTransaction, readTransaction } from './read-body.js';

export type CheckResult =
  | { readonly ok: true; readonly read: ReadTransaction }
  | { readonly ok: false; readonly problem: string };

/** Far above any fee of mainnet (0.9 ADA for 16 KiB): a larger one is a mistake, and would be lost. */
const FEE_LOVELACE_MAX = 10_000_000n;

/**
 * Whether the bytes to be signed say what is claimed of them: who is paid what, what goes back to the
 * wallet, the fee, the inputs, the bound, the payouts' ids. Nobody signs a transaction before this.
 */
export function checkBody(
  transaction: UnsignedTransaction,
  { network, wallet }: { readonly network: Network; readonly wallet: string },
): CheckResult {
  const result = readTransaction(transaction.cbor, network);
  if (!result.ok) return { ok: false, problem: `the transaction ${result.problem}` };
  const read = result.transaction;
  const problem =
    idProblem(read, transaction) ??
    inputProblem(read, transaction) ??
    outputProblem(read, transaction, wallet) ??
    amountProblem(read, transaction) ??
    metadataProblem(read, transaction);
  return problem === null
    ? { ok: true, read }
    : { ok: false, problem: `the transaction ${problem}` };
}

const idProblem = ({ id }: ReadTransaction, claimed: UnsignedTransaction): string | null =>
  id === claimed.id ? null : `has the id ${id}, not the claimed one`;

function inputProblem({ inputs }: ReadTransaction, claimed: UnsignedTransaction): string | null {
  const references = claimed.inputs.map((input) => input.reference);
  if (inputs.join() !== references.join()) return 'spends other inputs than claimed';
  return inputs.includes(claimed.anchor) ? null : "doesn't spend its anchor";
}

type Claim = {
  readonly outputIndex: number;
  readonly address: string;
  readonly lovelace: Lovelace;
  readonly assets: ReadonlyMap<AssetUnit, bigint>;
};

function outputProblem(
  { outputs }: ReadTransaction,
  { payees, change }: UnsignedTransaction,
  wallet: string,
): string | null {
  const claims: readonly Claim[] = [
    ...payees,
    ...change.map((output) => ({ ...output, address: wallet })),
  ];
  const claimAt = new Map(claims.map((claim) => [claim.outputIndex, claim]));
  if (claims.length !== outputs.length || claimAt.size !== outputs.length) {
    return `has ${outputs.length} outputs where ${claims.length} are claimed`;
  }
  const odd = outputs.findIndex((output, index) => {
    const claim = claimAt.get(index);
    return (
      claim === undefined ||
      output.address !== canonical(claim.address) ||
      output.lovelace !== claim.lovelace ||
      !sameAssets(output.assets, claim.assets)
    );
  });
  return odd === -1 ? null : `pays something else in output ${odd} than claimed`;
}

function canonical(text: string): string | null {
  const parsed = parseAddress(text);
  return parsed.ok ? parsed.address.text : null;
}

function amountProblem(read: ReadTransaction, claimed: UnsignedTransaction): string | null {
  if (read.fee !== claimed.fee) return `has a fee of ${read.fee} lovelace, not the claimed one`;
  if (read.fee > FEE_LOVELACE_MAX) return `has a fee of ${read.fee} lovelace, which is too much`;
  if (read.invalidHereafter !== BigInt(claimed.invalidHereafter)) {
    return `is valid until slot ${read.invalidHereafter}, not as claimed`;
  }
  const spent = sumOf(claimed.inputs);
  const made = sumOf(read.outputs);
  made.set('lovelace', (made.get('lovelace') ?? 0n) + read.fee);
  return sameAssets(spent, made) ? null : 'makes more or less than it spends';
}

function sumOf(
  values: readonly { readonly lovelace: bigint; readonly assets: ReadonlyMap<string, bigint> }[],
): Map<string, bigint> {
  const sum = new Map<string, bigint>();
  for (const { lovelace, assets } of values) {
    for (const [unit, amount] of [['lovelace', lovelace] as const, ...assets]) {
      sum.set(unit, (sum.get(unit) ?? 0n) + amount);
    }
  }
  return sum;
}

/** Zero is the same as not there. */
const sameAssets = (
  a: ReadonlyMap<AssetUnit, bigint>,
  b: ReadonlyMap<AssetUnit, bigint>,
): boolean =>
  [...new Set([...a.keys(), ...b.keys()])].every(
    (unit) => (a.get(unit) ?? 0n) === (b.get(unit) ?? 0n),
  );

/** A database that lost its memory learns from these ids what was paid: they must be the payees'. */
function metadataProblem(
  { metadata, inputs }: ReadTransaction,
  { payees, anchor }: UnsignedTransaction,
): string | null {
  if (metadata.size === 0 && payees.length === 0) return null;
  const ids = payees
    .toSorted((a, b) => a.outputIndex - b.outputIndex)
    .map(({ payoutId }) => payoutId);
  if (payees.some(({ outputIndex }) => outputIndex >= payees.length)) {
    return 'has change between its payees';
  }
  const expected = [Number(METADATA_VERSION), inputs.indexOf(anchor), ids];
  const content = showIds(metadata.get(METADATA_LABEL));
  return metadata.size === 1 && JSON.stringify(content) === JSON.stringify(expected)
    ? null
    : 'has other metadata than its payouts need';
}

/** `[1, anchor, [bytes, …]]` with the bytes as hex; anything else comes out as something else. */
function showIds(content: unknown): unknown {
  if (!Array.isArray(content) || content.length !== 3) return null;
  const [version, anchor, ids] = content as unknown[];
  if (!Array.isArray(ids) || typeof version !== 'number' || typeof anchor !== 'number') return null;
  const hex = ids.map((id) => (id instanceof Uint8Array ? Buffer.from(id).toString('hex') : null));
  return [version, anchor, hex];
}
