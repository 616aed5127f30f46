import { bech32 } from '@scure/base';
import { parseByronAddress } from './byron-address.js';
import type { Network } from './network.js';
import { readPointer } from './pointer.js';

export type AddressKind = 'base' | 'enterprise' | 'pointer' | 'stake' | 'byron';

/** Formats: CIP-19 (Shelley), CIP-5 (prefixes); Byron's in byron-address.ts. */
export type Address = {
  /** The one form the node writes: lower-case bech32, or base58 for Byron. */
  readonly text: string;
  readonly kind: AddressKind;
  /** Who may spend from it; null for a stake address, which holds no outputs. */
  readonly paymentCredential: 'key' | 'script' | null;
  readonly networkId: 0 | 1;
  /** Network magic that a Byron address names; null for mainnet's, which name none, and for others. */
  readonly byronMagic: number | null;
};

export type ParsedAddress =
  | { readonly ok: true; readonly address: Address }
  | { readonly ok: false; readonly problem: string };

/** Longer than any valid address (a pointer address has at most 126); bounds the work on nonsense. */
const TEXT_LENGTH_MAX = 512;
const CREDENTIAL_BYTES = 28;
const BASE58 = /^[1-9A-HJ-NP-Za-km-z]+$/;

/** What people paste in an address' place; the prefixes are CIP-5's. */
const LOOKALIKES: Readonly<Record<string, string>> = {
  pool: 'a stake pool id',
  drep: 'a DRep id',
  drep_script: 'a DRep id',
  asset: 'an asset fingerprint',
  addr_vk: 'a public key',
  addr_xvk: 'a public key',
  addr_sk: 'a PRIVATE key',
  addr_xsk: 'a PRIVATE key',
  acct_xvk: 'an account public key',
  acct_xsk: 'a PRIVATE key',
  root_xsk: 'a PRIVATE key',
  stake_vk: 'a stake public key',
  stake_vkh: 'a stake key hash',
  addr_vkh: 'a key hash',
  script: 'a script hash',
  bc: 'a Bitcoin address',
  tb: 'a Bitcoin address',
};

/** Reads any Cardano address, also one that can't receive. Problems read on from "ADDRESS: ". */
export function parseAddress(text: string): ParsedAddress {
  if (text === '') return refuse('is empty');
  if (text.trim() !== text) return refuse('has spaces before or after it');
  if (text.length > TEXT_LENGTH_MAX) return refuse(`is too long (${text.length} characters)`);
  const prefix = /^([a-z_\d]{1,20})1[a-z\d]+$/.exec(text.toLowerCase())?.[1];
  if (prefix !== undefined && looksLikeBech32(text)) return parseShelley(text, prefix);
  if (BASE58.test(text)) return parseByron(text);
  return refuse('is neither bech32 (addr1…, addr_test1…) nor base58 (Byron)');
}

/** The address in its canonical form if money of this network can be received there. */
export function checkAddress(text: string, network: Network): ParsedAddress {
  const parsed = parseAddress(text);
  if (!parsed.ok) return parsed;
  const { address } = parsed;
  if (address.kind === 'stake') {
    return refuse("is a stake (reward) address: it can't receive payments");
  }
  if (address.kind === 'byron') {
    const expected = network.networkId === 1 ? null : network.magic;
    if (address.byronMagic !== expected) {
      return refuse(
        `belongs to ${showMagic(address.byronMagic)}, but NETWORK is ${network.name}` +
          ` (${showMagic(expected)})`,
      );
    }
  } else if (address.networkId !== network.networkId) {
    const kind = address.networkId === 1 ? 'mainnet' : 'a test network';
    return refuse(`belongs to ${kind}, but NETWORK is ${network.name}`);
  }
  return parsed;
}

const showMagic = (magic: number | null): string =>
  magic === null ? 'mainnet' : `the test network with magic ${magic}`;

const refuse = (problem: string): ParsedAddress => ({ ok: false, problem });

/** Base58 has mixed case and bech32 never has, so a Byron address that contains a 1 isn't taken for bech32. */
const looksLikeBech32 = (text: string): boolean =>
  text === text.toLowerCase() || text === text.toUpperCase() || /^(addr|stake)/i.test(text);

function parseShelley(given: string, prefix: string): ParsedAddress {
  const text = given.toLowerCase();
  if (given !== text && given !== given.toUpperCase()) {
    return refuse('mixes upper and lower case, which bech32 forbids');
  }
  const lookalike = LOOKALIKES[prefix];
  if (lookalike !== undefined) return refuse(`is ${lookalike}, not an address`);
  if (!['addr', 'addr_test', 'stake', 'stake_test'].includes(prefix)) {
    return refuse(`has the unknown prefix "${prefix}"`);
  }
  const decoded = bech32.decodeUnsafe(text, TEXT_LENGTH_MAX);
  if (!decoded) return refuse('has a wrong checksum: a character is missing or mistyped');
  const bytes = bech32.fromWordsUnsafe(decoded.words);
  if (!bytes) return refuse('has left-over bits at its end');
  return readShelleyBytes(text, prefix, bytes);
}

/** Header types of CIP-19, by the high four bits of the first byte. */
function shelleyKind(type: number): Pick<Address, 'kind' | 'paymentCredential'> | undefined {
  const paymentCredential = type % 2 === 0 ? 'key' : 'script';
  if (type <= 3) return { kind: 'base', paymentCredential };
  if (type <= 5) return { kind: 'pointer', paymentCredential };
  if (type <= 7) return { kind: 'enterprise', paymentCredential };
  if (type >= 14) return { kind: 'stake', paymentCredential: null };
  return undefined;
}

function readShelleyBytes(text: string, prefix: string, bytes: Uint8Array): ParsedAddress {
  const [header] = bytes;
  if (header === undefined) return refuse('is too short');
  const form = shelleyKind(header >> 4);
  if (form === undefined) return refuse(`has the unknown address type ${header >> 4}`);
  const networkId = header & 0x0f;
  if (networkId !== 0 && networkId !== 1) return refuse(`names the unknown network ${networkId}`);
  const fitting = `${form.kind === 'stake' ? 'stake' : 'addr'}${networkId === 1 ? '' : '_test'}`;
  if (prefix !== fitting) {
    return refuse(`begins with ${prefix} but its content is that of ${fitting}1…`);
  }
  const problem = sizeProblem(form.kind, bytes);
  if (problem !== undefined) return refuse(problem);
  return { ok: true, address: { text, ...form, networkId, byronMagic: null } };
}

function sizeProblem(kind: AddressKind, bytes: Uint8Array): string | undefined {
  if (kind === 'pointer') return readPointer(bytes.subarray(1 + CREDENTIAL_BYTES)).problem;
  const expected = 1 + CREDENTIAL_BYTES * (kind === 'base' ? 2 : 1);
  return bytes.length === expected
    ? undefined
    : `has ${bytes.length} bytes where a ${kind} address has ${expected}`;
}

function parseByron(text: string): ParsedAddress {
  const byron = parseByronAddress(text);
  if (!byron.ok) return byron;
  return {
    ok: true,
    address: {
      text,
      kind: 'byron',
      paymentCredential: byron.spendingType === 'script' ? 'script' : 'key',
      networkId: byron.magic === null ? 1 : 0,
      byronMagic: byron.magic,
    },
  };
}
