import { createHash } from 'node:crypto';
import type { AssetUnit, Lovelace } from '../../chain/block.js';

/**
 * What the state digest is made of: the canonical outputs and spends at watched addresses, whoever they
 * belong to. Users, statuses and the ledger belong to a history, and are no part of it.
 */
export type Fact =
  | {
      readonly type: 'output';
      readonly txHash: string;
      readonly outputIndex: number;
      readonly address: string;
      readonly lovelace: Lovelace;
      readonly assets: ReadonlyMap<AssetUnit, bigint>;
      /** Null where the ledger told of it and no followed block made it. */
      readonly block: { readonly hash: string; readonly slot: number } | null;
    }
  | {
      readonly type: 'spend';
      readonly txHash: string;
      readonly outputIndex: number;
      readonly spentBy: string;
    };

/** Facts of one block: as a sum they don't depend on their order, and can be added to. */
export type FactsSum = { readonly facts: number; readonly sum: bigint };

export const NO_FACTS: FactsSum = { facts: 0, sum: 0n };
export const MODULUS = 1n << 256n;

/** The digest before the first block that has facts. */
export const FIRST_DIGEST = '0'.repeat(64);

export const addFacts = (to: FactsSum, facts: readonly Fact[]): FactsSum => ({
  facts: to.facts + facts.length,
  sum: facts.reduce((sum, fact) => (sum + hashOf(fact)) % MODULUS, to.sum),
});

export const addSums = (a: FactsSum, b: FactsSum): FactsSum => ({
  facts: a.facts + b.facts,
  sum: (a.sum + b.sum) % MODULUS,
});

/** One link: what the digest is after the block at that height. */
export const linkDigest = (before: string, height: number, { facts, sum }: FactsSum): string =>
  createHash('sha256')
    .update(`${before} ${height} ${facts} ${showSum(sum)}`)
    .digest('hex');

export const showSum = (sum: bigint): string => sum.toString(16).padStart(64, '0');
export const parseSum = (text: string): bigint => BigInt(`0x${text}`);

const hashOf = (fact: Fact): bigint =>
  BigInt(`0x${createHash('sha256').update(textOf(fact)).digest('hex')}`);

/** The text of OUTPUT and SPEND in fact-queries.ts: whoever changes one of them changes both. */
function textOf(fact: Fact): string {
  const reference = `${fact.txHash}#${fact.outputIndex}`;
  if (fact.type === 'spend') return `spend ${reference} ${fact.spentBy}`;
  const assets = [...fact.assets]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([unit, quantity]) => `${unit}=${quantity}`)
    .join(',');
  const block = fact.block === null ? 'before' : `${fact.block.hash} ${fact.block.slot}`;
  return `output ${reference} ${fact.address} ${fact.lovelace} ${assets} ${block}`;
}
