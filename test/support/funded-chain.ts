import { createChain } from '../../src/devnet/chain.js';
import type { Submission } from '../../src/devnet/mempool.js';
import type { Refusal } from '../../src/devnet/refusal.js';
import { makeWallet, type Wish } from './devnet-wallet.js';

export const wallet = makeWallet(1);
export const other = makeWallet(2);

/** A chain of one block, which gives the wallet 10 ada. */
export function fundedChain(seed = 4) {
  const chain = createChain({ seed });
  const block = chain.mine([{ pay: [{ address: wallet.address, lovelace: 10_000_000n }] }]);
  const funds = `${block.transactions[0]!.id}#0`;
  const submit = (cbor: Uint8Array): Submission => chain.mempool.submit(cbor);
  return {
    chain,
    funds,
    /** The slot that submissions are judged for. */
    slot: block.slot + 1,
    submit,
    refusal: (cbor: Uint8Array): Refusal => {
      const submission = submit(cbor);
      if (submission.accepted) throw new Error('it was taken');
      return submission.refusal;
    },
    /** Takes all of the funds and pays them on, unless something else is wished for. */
    good: (more: Partial<Wish> = {}) => {
      const pay = [{ address: other.address, lovelace: 9_800_000n }];
      return wallet.sign({ spend: [funds], pay, ...more });
    },
  };
}
