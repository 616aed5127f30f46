import { makeAddress } from '../../src/devnet/address.js';
import type { DevnetChain } from '../../src/devnet/chain.js';
import { makeWallet, type Wish } from './devnet-wallet.js';

const wallet = makeWallet(3);

/** What can be submitted, in an order that makes sense, and what is to come of it. */
export function submissions(chain: DevnetChain): [string, Buffer, number | 'taken' | 'spent'][] {
  const block = chain.mine([{ pay: [{ address: wallet.address, lovelace: 9_000_000n }] }]);
  const spend = [`${block.transactions[0]!.id}#0`];
  const slot = BigInt(block.slot);
  const pay = (lovelace: bigint) => [{ address: wallet.address, lovelace }];
  const sign = (wish: Partial<Wish>) => wallet.sign({ spend, pay: pay(8_800_000n), ...wish }).cbor;
  const mainnet = makeAddress('enterprise', 764824073, new Uint8Array(28));
  const auxiliary = 'a11902a2626869';
  const unknown = `${'00'.repeat(32)}#1`;
  const insteadOf = 'a11902a262686f';
  const good = sign({ auxiliary, invalidAfter: slot + 7200n });
  return [
    ['forged', sign({ forged: true }), 3100],
    ['unsigned', sign({ keys: [] }), 3101],
    ['no hash of the metadata', sign({ auxiliary, auxiliaryGoes: 'unhashed' }), 3105],
    ['no metadata', sign({ auxiliary, auxiliaryGoes: 'missing' }), 3106],
    ['other metadata', sign({ auxiliary, auxiliaryGoes: { insteadOf } }), 3107],
    ['an input too many', sign({ spend: [...spend, unknown] }), 3117],
    ['expired', sign({ invalidAfter: slot }), 3118],
    ['too early', sign({ invalidBefore: slot + 9n }), 3118],
    ['fee', sign({ fee: 150_000n, pay: pay(8_850_000n) }), 3122],
    ['value', sign({ pay: pay(8_800_001n) }), 3123],
    ['address', sign({ pay: [{ address: mainnet, lovelace: 8_800_000n }] }), 3124],
    ['network', sign({ onMainnet: true }), 3124],
    ['minimum', sign({ pay: [...pay(8_000_000n), ...pay(800_000n)] }), 3125],
    ['good', good, 'taken'],
    ['again', good, 'spent'],
    ['garbage', Buffer.from('8401', 'hex'), -32602],
  ];
}

export const goodOne = (chain: DevnetChain): Buffer =>
  submissions(chain).find(([, , outcome]) => outcome === 'taken')![1];
