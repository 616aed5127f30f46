import { networkId } from './address.js';
import type { DevnetBlock } from './chain.js';
import { toJson } from './json.js';
import type {
  Assets,
  DevnetOutput,
  DevnetTransaction,
  DraftOutput,
  Json,
  Reference,
} from './transaction.js';

export type OgmiosVersion = 6 | 7;

/** Characters of rendered blocks kept: a quarter of a GiB of text, thousands of ordinary blocks. */
const CACHED_CHARACTERS_MAX = 2 ** 28;

/** Renders each block once for all who follow. */
export function createRenderer(
  networkMagic: number,
  version: OgmiosVersion,
): (block: DevnetBlock) => string {
  const cache = new Map<string, string>();
  let characters = 0;
  return (block) => {
    const known = cache.get(block.id);
    if (known !== undefined) return known;
    const text = renderBlock(block, networkMagic, version);
    cache.set(block.id, text);
    characters += text.length;
    for (const [id, { length }] of cache) {
      if (characters <= CACHED_CHARACTERS_MAX) break;
      cache.delete(id);
      characters -= length;
    }
    return text;
  };
}

/** A block as Ogmios shows it, without the message around it. */
export function renderBlock(
  block: DevnetBlock,
  networkMagic: number,
  version: OgmiosVersion,
): string {
  const { type, era, id, ancestor, height, slot } = block;
  if (type === 'ebb') return toJson({ type, era, id, ancestor, height });
  const transactions = block.transactions.map((one) =>
    renderTransaction(one, networkMagic, version),
  );
  const size = { bytes: 500 + 300 * transactions.length };
  const header = type === 'bft' ? byronHeader(id, networkMagic) : praosHeader(id, era, slot);
  return toJson({ type, era, id, ancestor, height, slot, size, transactions, ...header });
}

/** Those that are unspent, as `queryLedgerState/utxo` answers, as JSON: there may be many of them. */
export function renderUtxo(
  utxo: ReadonlyMap<Reference, DevnetOutput>,
  references: Iterable<Reference>,
): string {
  let text = '';
  for (const reference of references) {
    const output = utxo.get(reference);
    if (output !== undefined)
      text += `${text === '' ? '' : ','}${renderUnspent(reference, output)}`;
  }
  return `[${text}]`;
}

function renderUnspent(reference: Reference, output: DevnetOutput): string {
  const { address, lovelace, assets, datumHash, datum, script } = output;
  if (assets.size > 0 || datumHash !== undefined || datum !== undefined || script !== undefined) {
    return toJson({ ...renderReference(reference), ...renderOutput(output) });
  }
  // Nearly all are of ada alone. An object for each would take most of the time of a large answer.
  const hash = reference.indexOf('#');
  const place = `{"transaction":{"id":"${reference.slice(0, hash)}"},"index":${reference.slice(hash + 1)}`;
  return `${place},"address":"${address}","value":{"ada":{"lovelace":${lovelace}}}}`;
}

export const renderReference = (reference: Reference) => {
  const [id = '', index = ''] = reference.split('#');
  return { transaction: { id }, index: Number(index) };
};

export const renderOutput = ({
  address,
  lovelace,
  assets,
  datumHash,
  datum,
  script,
}: DraftOutput) => ({
  address,
  value: renderValue(lovelace, assets),
  datumHash,
  datum,
  script,
});

export const renderValue = (lovelace: bigint, assets?: Assets) => ({
  ...ada(lovelace),
  ...(assets === undefined ? {} : byPolicy(assets)),
});

export const ada = (lovelace: bigint) => ({ ada: { lovelace } });

function byPolicy(assets: Assets): Record<string, Record<string, bigint>> {
  const policies: Record<string, Record<string, bigint>> = {};
  for (const [unit, quantity] of assets) {
    const policy = unit.slice(0, 56);
    const names = policies[policy] ?? {};
    policies[policy] = names;
    names[unit.slice(56)] = quantity;
  }
  return policies;
}

/** A transaction as blocks and the mempool show it. */
export function renderTransaction(
  tx: DevnetTransaction,
  networkMagic: number,
  version: OgmiosVersion,
): Json {
  const { extras, collateralReturn, totalCollateral } = tx;
  // Version 7 leaves out what is empty, where version 6 wrote it.
  const always = version === 6;
  return {
    id: tx.id,
    spends: tx.spends,
    inputs: tx.inputs.map(renderReference),
    references: some(extras.references?.map(renderReference)),
    outputs: always ? tx.outputs.map(renderOutput) : some(tx.outputs.map(renderOutput)),
    collaterals: some(tx.collaterals.map(renderReference)),
    collateralReturn: collateralReturn && renderOutput(collateralReturn),
    totalCollateral: totalCollateral === undefined ? undefined : ada(totalCollateral),
    certificates: some(extras.certificates),
    withdrawals: tx.withdrawals.size === 0 ? undefined : withdrawals(tx.withdrawals),
    fee: ada(tx.fee),
    validityInterval: extras.validityInterval ?? (always ? {} : undefined),
    mint: tx.mint.size === 0 ? undefined : byPolicy(tx.mint),
    network: tx.signed === undefined ? madeUpNetwork(tx, networkMagic) : extras.network,
    metadata: extras.metadata,
    // Derived from the id: nobody checks them, and the same transaction shows the same everywhere.
    signatories: tx.signed?.signatories ?? [{ key: tx.id, signature: tx.id + tx.id }],
    scripts: extras.scripts,
    redeemers: some(extras.redeemers),
  };
}

const some = <T>(items: readonly T[] | undefined): readonly T[] | undefined =>
  items === undefined || items.length === 0 ? undefined : items;

const withdrawals = (taken: ReadonlyMap<string, bigint>): Json =>
  Object.fromEntries([...taken].map(([account, lovelace]) => [account, ada(lovelace)]));

const madeUpNetwork = (tx: DevnetTransaction, networkMagic: number): string | undefined =>
  tx.outputs.length % 2 === 0 ? networkName(networkMagic) : undefined;

const networkName = (networkMagic: number): string =>
  networkId(networkMagic) === 1 ? 'mainnet' : 'testnet';

const PROTOCOL_MAJOR: Record<string, number> = {
  shelley: 2,
  allegra: 3,
  mary: 4,
  alonzo: 6,
  babbage: 8,
  conway: 10,
  dijkstra: 12,
};

const praosHeader = (id: string, era: string, slot: number): Record<string, Json> => ({
  protocol: { version: { major: PROTOCOL_MAJOR[era] ?? 10, minor: 0 } },
  issuer: {
    verificationKey: id,
    vrfVerificationKey: id,
    operationalCertificate: {
      count: 1,
      sigma: id + id,
      kes: { period: Math.floor(slot / 129_600), verificationKey: id },
    },
    leaderValue: { output: id + id, proof: id + id + id.slice(0, 32) },
  },
});

const byronHeader = (id: string, networkMagic: number): Record<string, Json> => ({
  operationalCertificates: [],
  protocol: {
    id: networkMagic,
    version: { major: 1, minor: 0, patch: 0 },
    software: { appName: 'cardano-sl', number: 1 },
  },
  issuer: { verificationKey: id + id },
  delegate: { verificationKey: id + id },
});
