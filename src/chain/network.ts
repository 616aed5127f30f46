/** Which Cardano network: magic numbers as in each network's genesis files. */
export type Network = {
  /** `mainnet`, `preprod`, `preview` or `custom:MAGIC`; what is stored and shown. */
  readonly name: string;
  /** The low four bits of a Shelley address' header: 1 on mainnet, 0 on every test network. */
  readonly networkId: 0 | 1;
  readonly magic: number;
};

const MAGIC_MAX = 0xffff_ffff;

const KNOWN: readonly Network[] = [
  { name: 'mainnet', networkId: 1, magic: 764824073 },
  { name: 'preprod', networkId: 0, magic: 1 },
  { name: 'preview', networkId: 0, magic: 2 },
];

/** Whether the magic is that of a network which everybody shares. */
export const isPublicMagic = (magic: bigint): boolean =>
  KNOWN.some((network) => BigInt(network.magic) === magic);

/**
 * A custom magic that belongs to a known network is that network: two names for one network would
 * make a database written under one of them look foreign under the other.
 */
export function parseNetwork(text: string): Network | undefined {
  const known = KNOWN.find((network) => network.name === text);
  if (known !== undefined) return known;
  const digits = /^custom:(\d{1,10})$/.exec(text)?.[1];
  if (digits === undefined || Number(digits) > MAGIC_MAX) return undefined;
  const magic = Number(digits);
  return (
    KNOWN.find((network) => network.magic === magic) ?? {
      name: `custom:${magic}`,
      networkId: 0,
      magic,
    }
  );
}
