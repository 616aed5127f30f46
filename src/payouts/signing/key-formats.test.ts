import {
  Bip32PrivateKey as CslBip32,
  PrivateKey as CslKey,
} from '@emurgo/cardano-serialization-lib-nodejs';
import { bech32 } from '@scure/base';
import { mnemonicToEntropy } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { describe, expect, test } from 'vitest';
import { parseKey } from './key-formats.js';

/** The wallet of CIP-19's test vectors, whose payment key hash is published there. */
const CIP_19 = 'test walk nut penalty hip pave soap entry language right filter choice';
const CIP_19_HASH = '9493315cd92eb5d8c4304e67b7e16ae36d61d34502694657811a2c8e';
const ZEROS = `${'abandon '.repeat(11)}about`;
const LONG = `${'abandon '.repeat(23)}art`;
const SEED_HEX = '5a'.repeat(32);

const HARD = 0x8000_0000;
const USUAL_PATH = [1852 + HARD, 1815 + HARD, HARD, 0, 0];

/** By another library, which shares no code with the one that signs. */
function derivedElsewhere(mnemonic: string, path: readonly number[] = USUAL_PATH): CslBip32 {
  const entropy = Buffer.from(mnemonicToEntropy(mnemonic, wordlist));
  const root = CslBip32.from_bip39_entropy(entropy, Buffer.alloc(0));
  return path.reduce((key, index) => key.derive(index), root);
}
const hashElsewhere = (key: CslKey): string => key.to_public().hash().to_hex();

function hashOf(text: string): string {
  const parsed = parseKey(text);
  return parsed.ok ? parsed.key.to_public().hash().to_hex() : parsed.problem;
}

const envelope = (type: string, cborHex: string): string =>
  JSON.stringify({ type, description: 'Payment Signing Key', cborHex });
const bech = (prefix: string, bytes: Uint8Array): string =>
  bech32.encode(prefix, bech32.toWords(bytes), false);
const extended = derivedElsewhere(CIP_19);
const extendedHex = Buffer.from(extended.to_128_xprv()).toString('hex');

describe('a mnemonic', () => {
  test('gives the key of the vectors in CIP-19', () => {
    expect(hashOf(CIP_19)).toBe(CIP_19_HASH);
  });

  test.each([ZEROS, LONG, `  ${CIP_19.toUpperCase().replaceAll(' ', '  ')}  \r\n`])(
    'gives the key that another library derives: %#',
    (mnemonic) => {
      const plain = mnemonic.trim().toLowerCase().replaceAll('  ', ' ');
      expect(hashOf(mnemonic)).toBe(hashElsewhere(derivedElsewhere(plain).to_raw_key()));
    },
  );

  test.each([
    ["m/1852'/1815'/0'/0/0", USUAL_PATH],
    ['m/1852h/1815H/3h/1/7', [1852 + HARD, 1815 + HARD, 3 + HARD, 1, 7]],
    ["m/1852'/1815'/0'/0/2147483647", [...USUAL_PATH.slice(0, 4), HARD - 1]],
  ])('follows the path %s', (path, indexes) => {
    const expected = hashElsewhere(derivedElsewhere(CIP_19, indexes).to_raw_key());
    expect(hashOf(`${CIP_19}\npath: ${path}\n`)).toBe(expected);
  });
});

describe('a key of cardano-cli', () => {
  test('of 32 bytes is read', () => {
    const text = envelope('PaymentSigningKeyShelley_ed25519', `5820${SEED_HEX}`);
    expect(hashOf(text)).toBe(
      hashElsewhere(CslKey.from_normal_bytes(Buffer.from(SEED_HEX, 'hex'))),
    );
  });

  test('that is extended is read', () => {
    const type = 'PaymentExtendedSigningKeyShelley_ed25519_bip32';
    expect(hashOf(envelope(type, `5880${extendedHex}`))).toBe(CIP_19_HASH);
  });

  test('in bech32 is read', () => {
    const plain = Buffer.from(SEED_HEX, 'hex');
    const hash = hashElsewhere(CslKey.from_normal_bytes(plain));
    expect(hashOf(CslKey.from_normal_bytes(plain).to_bech32())).toBe(hash);
    expect(hashOf(`${bech('addr_sk', plain)}\n`)).toBe(hash);
    expect(hashOf(extended.to_raw_key().to_bech32())).toBe(CIP_19_HASH);
    const xsk = Buffer.concat([extended.to_raw_key().as_bytes(), extended.chaincode()]);
    expect(hashOf(bech('addr_xsk', xsk))).toBe(CIP_19_HASH);
  });

  test('signs as another library does', () => {
    for (const text of [CIP_19, bech('addr_sk', Buffer.from(SEED_HEX, 'hex'))]) {
      const parsed = parseKey(text);
      if (!parsed.ok) throw new Error(parsed.problem);
      const elsewhere =
        text === CIP_19
          ? extended.to_raw_key()
          : CslKey.from_normal_bytes(Buffer.from(SEED_HEX, 'hex'));
      const message = Buffer.alloc(32, 7);
      expect(parsed.key.sign(message).to_hex()).toBe(elsewhere.sign(message).to_hex());
    }
  });
});

describe('what is no payment key', () => {
  const SENTINEL = 'deadbeef'.repeat(8);
  const plain = Buffer.from(SENTINEL, 'hex');
  const cli = 'PaymentSigningKeyShelley_ed25519';
  const bip32 = 'PaymentExtendedSigningKeyShelley_ed25519_bip32';
  const zooWord = CIP_19.replace('walk', 'secretword');

  test.each([
    ['nothing', ' \n', 'is empty'],
    ['broken JSON', `{"cborHex": "5820${SENTINEL}"`, 'valid JSON'],
    ['JSON of something else', `{"key": "${SENTINEL}"}`, 'type or cborHex'],
    ['a stake key', envelope('StakeSigningKeyShelley_ed25519', `5820${SENTINEL}`), 'a stake key'],
    ['a public key', envelope('PaymentVerificationKeyShelley_ed25519', '5820'), 'a public key'],
    ['a key in place of the type', envelope(SENTINEL, '5820'), 'another type'],
    ['a type that objects inherit', envelope('constructor', `5820${SENTINEL}`), 'another type'],
    ['a short key', envelope(cli, `5820${SENTINEL.slice(2)}`), '32 bytes'],
    ['a key with another head', envelope(cli, `5840${SENTINEL}`), '5820'],
    ['an extended key that is none', envelope(bip32, `5880${SENTINEL.repeat(4)}`), "aren't an ext"],
    [
      'an extended key beside a foreign public key',
      envelope(bip32, `5880${extendedHex.slice(0, 128)}${SENTINEL}${extendedHex.slice(192)}`),
      'another private key',
    ],
    ['a mistyped bech32 key', bech('ed25519_sk', plain).replace(/.$/, 'q'), 'checksum'],
    ['a short bech32 key', bech('ed25519_sk', plain.subarray(1)), '31 bytes'],
    ["an account's key", bech('acct_xsk', Buffer.alloc(96, 1)), 'derive the payment key'],
    ['a public key in bech32', bech('addr_vk', plain), 'a public key'],
    ['bech32 of something else', bech('secret', plain), 'another prefix'],
    ['bare hex', SENTINEL, '12, 15, 18, 21 or 24 words'],
    ['eleven words', CIP_19.replace(' choice', ''), '12, 15, 18, 21 or 24 words'],
    ['an unknown word', zooWord, 'word 2'],
    ['a word that is misplaced', CIP_19.replace('walk nut', 'nut walk'), 'checksum'],
    ['a path that is none', `${CIP_19}\npath: m/x`, 'path: m/1852'],
    ['a path beyond the numbers', `${CIP_19}\npath: m/2147483648`, 'path: m/1852'],
    ['two mnemonics', `${CIP_19}\n${ZEROS}`, 'path: m/1852'],
  ])('is refused with a reason that quotes none of it: %s', (_, text, wanted) => {
    const parsed = parseKey(text);
    const problem = parsed.ok ? 'none' : parsed.problem;
    expect(problem).toContain(wanted);
    for (const secret of ['deadbeef', 'secretword', 'walk', 'abandon', extendedHex.slice(0, 16)]) {
      expect(problem).not.toContain(secret);
    }
  });
});
