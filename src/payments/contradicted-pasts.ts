import type { Contradicted } from '../sync/between.js';

/** About seven minutes of mainnet: each try asks the node by address, which takes it long. */
const AGAIN_AFTER_BLOCKS = 20;

/** Addresses whose past can't be recorded, until somebody set right what another hand changed there. */
export type ContradictedPasts = {
  /** Those that aren't asked for at the moment. */
  addresses(): readonly string[];
  note(address: string, height: number, why: string): void;
  /** They were recorded. */
  forget(addresses: readonly string[]): void;
  /** All of them are to be asked for again. */
  tryAgain(): void;
  /** @returns whether any is to be asked for again at that height */
  tryAgainAt(height: number): boolean;
  /** What is to be told now: nothing of what was told before. */
  tell(): { readonly contradicted?: Contradicted };
};

export function createContradicted(): ContradictedPasts {
  /** Null: to be asked for again. */
  const triedAt = new Map<string, number | null>();
  let news: string[] = [];
  let told = 0;

  return {
    addresses: () =>
      [...triedAt].flatMap(([address, height]) => (height === null ? [] : [address])),
    note(address, height, why) {
      if (!triedAt.has(address)) news.push(`the past of address ${address}: ${why}`);
      triedAt.set(address, height);
    },
    forget(addresses) {
      for (const address of addresses) triedAt.delete(address);
    },
    tryAgain() {
      for (const address of triedAt.keys()) triedAt.set(address, null);
    },
    tryAgainAt(height) {
      const due = [...triedAt].filter(([, at]) => at === null || height >= at + AGAIN_AFTER_BLOCKS);
      for (const [address] of due) triedAt.set(address, null);
      return due.length > 0;
    },
    tell() {
      const addresses = triedAt.size;
      if (addresses === told && news.length === 0) return {};
      const contradicted = { addresses, news };
      told = addresses;
      news = [];
      return { contradicted };
    },
  };
}
