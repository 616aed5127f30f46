import { Bip32PrivateKey, PrivateKey } from '@dcspark/cardano-multiplatform-lib-nodejs';
import { bech32 } from '@scure/base';
import { mnemonicToEntropy } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';

/** Problems read on from "FILE " and quote nothing of the content: a slip of the pen must not print a key. */
export type ParsedKey =
  | { readonly ok: true; readonly key: PrivateKey }
  | { readonly ok: false; readonly problem: string };

const refuse = (problem: string): ParsedKey => ({ ok: false, problem });

/** What a key file may hold: cardano-cli's JSON, a bech32 key (CIP-5), or a mnemonic with a path. */
export function parseKey(text: string): ParsedKey {
  const trimmed = text.trim();
  try {
    if (trimmed === '') return refuse('is empty');
    if (trimmed.startsWith('{')) return parseEnvelope(trimmed);
    return /^[a-z_\d]{1,20}1[a-z\d]{50,300}$/.test(trimmed)
      ? parseBech32(trimmed)
      : parseMnemonic(trimmed);
  } catch {
    // Libraries' messages may quote what they were given.
    return refuse("holds a key that can't be read");
  }
}

const EXTENDED_BYTES = 64;

/** Types of cardano-cli's text envelope, with the CBOR head that their content begins with. */
const ENVELOPES: Readonly<Record<string, { readonly head: string; readonly bytes: number }>> = {
  PaymentSigningKeyShelley_ed25519: { head: '5820', bytes: 32 },
  PaymentExtendedSigningKeyShelley_ed25519_bip32: { head: '5880', bytes: 128 },
};
const OTHER_ENVELOPES: Readonly<Record<string, string>> = {
  PaymentVerificationKeyShelley_ed25519: 'a public key',
  PaymentExtendedVerificationKeyShelley_ed25519_bip32: 'a public key',
  StakeSigningKeyShelley_ed25519: 'a stake key',
  StakeExtendedSigningKeyShelley_ed25519_bip32: 'a stake key',
};
const WANTED_ENVELOPE = `wanted ${Object.keys(ENVELOPES).join(' or ')}`;

function parseEnvelope(text: string): ParsedKey {
  let envelope: unknown;
  try {
    envelope = JSON.parse(text);
  } catch {
    return refuse("begins with { but isn't valid JSON");
  }
  const { type, cborHex } = envelope as { readonly type?: unknown; readonly cborHex?: unknown };
  if (typeof type !== 'string' || typeof cborHex !== 'string') {
    return refuse('lacks type or cborHex, which every key file of cardano-cli has');
  }
  const form = Object.hasOwn(ENVELOPES, type) ? ENVELOPES[type] : undefined;
  if (form === undefined) {
    const other = Object.hasOwn(OTHER_ENVELOPES, type) ? OTHER_ENVELOPES[type] : undefined;
    return refuse(`is ${other ?? 'of another type'}: ${WANTED_ENVELOPE}`);
  }
  if (!new RegExp(`^${form.head}[0-9a-f]{${form.bytes * 2}}$`, 'i').test(cborHex)) {
    return refuse(`has a cborHex that isn't ${form.head} and ${form.bytes} bytes`);
  }
  const bytes = Buffer.from(cborHex, 'hex').subarray(form.head.length / 2);
  return wiping(bytes, () => (bytes.length === 32 ? normalKey(bytes) : bip32Key(bytes)));
}

const BECH32_BYTES: Readonly<Record<string, number>> = {
  ed25519_sk: 32,
  addr_sk: 32,
  ed25519e_sk: EXTENDED_BYTES,
  addr_xsk: 96,
};
const OTHER_PREFIXES: Readonly<Record<string, string>> = {
  addr: 'an address',
  addr_test: 'an address',
  addr_vk: 'a public key',
  addr_xvk: 'a public key',
  acct_xvk: 'an account public key',
  acct_xsk: "an account's key: derive the payment key from it first",
  root_xsk: "a wallet's root key: derive the payment key from it first",
  xprv: "a wallet's root key: derive the payment key from it first",
  stake_sk: 'a stake key',
  stake_xsk: 'a stake key',
};

function parseBech32(text: string): ParsedKey {
  const prefix = text.slice(0, text.lastIndexOf('1'));
  const expected = Object.hasOwn(BECH32_BYTES, prefix) ? BECH32_BYTES[prefix] : undefined;
  if (expected === undefined) {
    const other = Object.hasOwn(OTHER_PREFIXES, prefix) ? OTHER_PREFIXES[prefix] : undefined;
    const wanted = `wanted ${Object.keys(BECH32_BYTES).join('1…, ')}1…`;
    return refuse(other === undefined ? `has another prefix: ${wanted}` : `is ${other}; ${wanted}`);
  }
  const decoded = bech32.decodeUnsafe(text, false);
  if (!decoded) return refuse('has a wrong checksum: a character is missing or mistyped');
  const bytes = bech32.fromWords(decoded.words);
  return wiping(bytes, () => {
    if (bytes.length !== expected) return refuse(`has ${bytes.length} bytes, wanted ${expected}`);
    // Of an extended key with its chain code, only the key signs.
    return expected === 32 ? normalKey(bytes) : extendedKey(bytes.subarray(0, EXTENDED_BYTES));
  });
}

const HARDENED = 0x8000_0000;
const DEFAULT_PATH = "m/1852'/1815'/0'/0/0";
const WORD_COUNTS = [12, 15, 18, 21, 24];

function parseMnemonic(text: string): ParsedKey {
  const [first = '', ...rest] = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const words = first.trim().toLowerCase().split(/\s+/);
  if (!WORD_COUNTS.includes(words.length)) {
    return refuse(
      "is neither a key file of cardano-cli nor a bech32 key, and its first line hasn't " +
        '12, 15, 18, 21 or 24 words as a mnemonic has',
    );
  }
  const unknown = words.findIndex((word) => !wordlist.includes(word));
  if (unknown !== -1) return refuse(`has, as word ${unknown + 1}, one that no mnemonic has`);
  const path =
    rest.length === 0 ? DEFAULT_PATH : /^\s*path:\s*(\S+)\s*$/.exec(rest.join('\n'))?.[1];
  const indexes = path === undefined ? null : parsePath(path);
  if (indexes === null) {
    return refuse(`has more than the mnemonic and one line like "path: ${DEFAULT_PATH}"`);
  }
  return deriveKey(words.join(' '), indexes);
}

function parsePath(path: string): readonly number[] | null {
  if (!/^m(?:\/\d{1,10}['hH]?){1,10}$/.test(path)) return null;
  const parts = path.split('/').slice(1);
  const indexes = parts.map((part) => Number.parseInt(part, 10));
  if (indexes.some((index) => index >= HARDENED)) return null;
  return indexes.map((index, at) => index + (/\d$/.test(parts[at] ?? '') ? 0 : HARDENED));
}

/** Icarus' derivation, which is CIP-1852's: entropy and no passphrase, then the path. */
function deriveKey(mnemonic: string, path: readonly number[]): ParsedKey {
  let entropy: Uint8Array;
  try {
    entropy = mnemonicToEntropy(mnemonic, wordlist);
  } catch {
    return refuse('has a mnemonic with a wrong checksum: a word is mistyped or misplaced');
  }
  return wiping(entropy, () => {
    let key = Bip32PrivateKey.from_bip39_entropy(entropy, new Uint8Array());
    for (const index of path) {
      const child = key.derive(index);
      key.free();
      key = child;
    }
    return rawKey(key);
  });
}

const normalKey = (bytes: Uint8Array): ParsedKey => ({
  ok: true,
  key: PrivateKey.from_normal_bytes(bytes),
});

/** Ed25519 fixes five bits of a scalar; where they are wrong it is no key, or not all of it. */
function extendedKey(bytes: Uint8Array): ParsedKey {
  const [lowest = 0, highest = 0] = [bytes[0], bytes[31]];
  const isScalar = (lowest & 0b111) === 0 && (highest & 0b1100_0000) === 0b0100_0000;
  if (!isScalar) return refuse("holds bytes that aren't an extended Ed25519 key");
  return { ok: true, key: PrivateKey.from_extended_bytes(bytes) };
}

/** Extended key, its public key, chain code. */
function bip32Key(bytes: Uint8Array): ParsedKey {
  const result = extendedKey(bytes.subarray(0, EXTENDED_BYTES));
  if (!result.ok) return result;
  const publicKey = result.key.to_public();
  const fits = Buffer.from(publicKey.to_raw_bytes()).equals(bytes.subarray(64, 96));
  publicKey.free();
  if (fits) return result;
  result.key.free();
  return refuse('holds a public key that belongs to another private key');
}

function rawKey(key: Bip32PrivateKey): ParsedKey {
  const raw = key.to_raw_key();
  key.free();
  return { ok: true, key: raw };
}

function wiping(bytes: Uint8Array, read: () => ParsedKey): ParsedKey {
  try {
    return read();
  } finally {
    bytes.fill(0);
  }
}
