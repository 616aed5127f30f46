import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { base58, bech32 } from '@scure/base';
import { encode } from 'cborg';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkAddress, parseAddress } from './address.js';
import { type Network, parseNetwork } from './network.js';

const network = (name: string): Network => {
  const parsed = parseNetwork(name);
  if (parsed === undefined) throw new Error(`no such network: ${name}`);
  return parsed;
};
const mainnet = network('mainnet');
const preprod = network('preprod');

const problemOf = (text: string, on?: Network): string => {
  const parsed = on === undefined ? parseAddress(text) : checkAddress(text, on);
  return parsed.ok ? 'no problem' : parsed.problem;
};

/** CIP-19, "Test vectors". */
const BASE = `addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgse35a3x`;
const ENTERPRISE = 'addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8';
const STAKE = 'stake1uyehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gh6ffgw';
const TEST_BASE =
  'addr_test1qz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgs68faae';
const BYRON = 'Ae2tdPwUPEZFRbyhz3cpfC2CumGzNkFBN2L42rcUc2yjQpEkxDbkPodpMAi';
const BYRON_TEST =
  '37btjrVyb4KDXBNC4haBVPCrro8AQPHwvCMp3RFhhSVWwfFmZ6wwzSK6JK1hY6wHNmtrpTf1kdbva8TCneM2YsiXT7mrzT21EacHnPpz5YyUdj64na';

describe('the vectors of CIP-19', () => {
  test.each([
    [BASE, 'base', 'key', 1],
    [
      'addr1z8phkx6acpnf78fuvxn0mkew3l0fd058hzquvz7w36x4gten0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgs9yc0hh',
      'base',
      'script',
      1,
    ],
    [
      'addr1yx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzerkr0vd4msrxnuwnccdxlhdjar77j6lg0wypcc9uar5d2shs2z78ve',
      'base',
      'key',
      1,
    ],
    [
      'addr1x8phkx6acpnf78fuvxn0mkew3l0fd058hzquvz7w36x4gt7r0vd4msrxnuwnccdxlhdjar77j6lg0wypcc9uar5d2shskhj42g',
      'base',
      'script',
      1,
    ],
    ['addr1gx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer5pnz75xxcrzqf96k', 'pointer', 'key', 1],
    ['addr128phkx6acpnf78fuvxn0mkew3l0fd058hzquvz7w36x4gtupnz75xxcrtw79hu', 'pointer', 'script', 1],
    [ENTERPRISE, 'enterprise', 'key', 1],
    ['addr1w8phkx6acpnf78fuvxn0mkew3l0fd058hzquvz7w36x4gtcyjy7wx', 'enterprise', 'script', 1],
    [STAKE, 'stake', null, 1],
    ['stake178phkx6acpnf78fuvxn0mkew3l0fd058hzquvz7w36x4gtcccycj5', 'stake', null, 1],
    [TEST_BASE, 'base', 'key', 0],
  ])('%s is read', (text, kind, paymentCredential, networkId) => {
    expect(parseAddress(text)).toEqual({
      ok: true,
      address: { text, kind, paymentCredential, networkId, byronMagic: null },
    });
  });

  test('a Byron address of mainnet names no magic, one of the old testnet names its own', () => {
    expect(parseAddress(BYRON)).toMatchObject({ address: { kind: 'byron', byronMagic: null } });
    expect(parseAddress(BYRON_TEST)).toMatchObject({
      address: { kind: 'byron', networkId: 0, byronMagic: 1097911063 },
    });
  });
});

describe('the form of an address', () => {
  test('upper case is the same address and is kept in lower case', () => {
    expect(parseAddress(BASE.toUpperCase())).toEqual(parseAddress(BASE));
  });

  test.each([
    ['', 'is empty'],
    [` ${BASE}`, 'spaces'],
    [`${BASE}\n`, 'spaces'],
    [`${BASE.slice(0, 40)}${BASE.slice(40).toUpperCase()}`, 'mixes'],
    [BASE.replace('qx2f', 'qx2g'), 'checksum'],
    [BASE.slice(0, -1), 'checksum'],
    [`${BASE}${'q'.repeat(600)}`, 'too long'],
    [`${BASE.slice(0, 20)}\u0000${BASE.slice(20)}`, 'neither'],
    ['addr1qx2fxv2umyhttkxyx…', 'neither'],
    [`${BYRON}1`, 'neither'],
    [BYRON.replace('cpfC2C', 'cpfC2D'), 'neither'],
    [BYRON.replace(/i$/, 'j'), 'checksum'],
    ['pool1pu5jlj4q9w9jlxeu370a3c9myx47md5j5m2str0naunn2q3lkdy', 'stake pool id'],
    ['asset1rjklcrnsdzqp65wjgrg55sy9723kw09mlgvlc3', 'asset fingerprint'],
    ['bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq', 'Bitcoin'],
    ['nonsense1qqqq', 'unknown prefix'],
  ])('%j is refused: %s', (text, why) => {
    expect(problemOf(text)).toContain(why);
  });
});

const shelley = (prefix: string, ...bytes: readonly number[]): string =>
  bech32.encode(prefix, bech32.toWords(Uint8Array.from(bytes)), 500);
const hash28 = Array.from({ length: 28 }, (_, index) => index);

describe('the content of an address', () => {
  test.each([
    [
      'prefix of another network',
      shelley('addr', 0x60, ...hash28),
      'content is that of addr_test1',
    ],
    [
      'a payment header behind stake',
      shelley('stake', 0x61, ...hash28),
      'content is that of addr1',
    ],
    ['a stake header behind addr', shelley('addr', 0xe1, ...hash28), 'content is that of stake1'],
    ['network 2', shelley('addr', 0x62, ...hash28), 'unknown network 2'],
    ['type 9', shelley('addr', 0x91, ...hash28), 'unknown address type 9'],
    ['nothing at all', shelley('addr'), 'too short'],
    ['an enterprise address one byte short', shelley('addr', 0x61, ...hash28.slice(1)), '28 bytes'],
    ['an enterprise address one byte long', shelley('addr', 0x61, ...hash28, 0), '30 bytes'],
    ['a base address without its second half', shelley('addr', 0x01, ...hash28), '29 bytes'],
    ['a base address one byte long', shelley('addr', 0x01, ...hash28, ...hash28, 0), '58 bytes'],
    ['no pointer', shelley('addr', 0x41, ...hash28), 'incomplete pointer'],
    ['two of three numbers', shelley('addr', 0x41, ...hash28, 1, 2), 'incomplete pointer'],
    ['a third number cut off', shelley('addr', 0x41, ...hash28, 1, 2, 0x83), 'incomplete pointer'],
    ['four numbers', shelley('addr', 0x41, ...hash28, 1, 2, 3, 4), 'behind its pointer'],
    ['leading zeros', shelley('addr', 0x41, ...hash28, 0x80, 1, 2, 3), 'leading zeros'],
    [
      'a slot of 33 bits',
      shelley('addr', 0x41, ...hash28, 0xa0, 0x80, 0x80, 0x80, 0, 2, 3),
      'out of range',
    ],
  ])('%s is refused', (_, text, why) => {
    expect(problemOf(text)).toContain(why);
  });

  test('a pointer at its limits is read', () => {
    const pointer = [0x8f, 0xff, 0xff, 0xff, 0x7f, 0x83, 0xff, 0x7f, 0];
    expect(parseAddress(shelley('addr', 0x41, ...hash28, ...pointer)).ok).toBe(true);
  });
});

/** A Byron address of any content under a right checksum. */
const byron = (payload: Uint8Array): string => {
  const bytes = encode(payload);
  const checksum = encode(crc32(payload));
  return base58.encode(Uint8Array.from([0x82, 0xd8, 0x18, ...bytes, ...checksum]));
};
const root = Uint8Array.from(hash28);
const attributes = (magic?: unknown): Map<number, unknown> =>
  new Map(magic === undefined ? [] : [[2, magic]]);

describe('Byron addresses', () => {
  test.each([
    ['a root of 27 bytes', byron(encode([root.subarray(1), attributes(), 0])), 'root hash'],
    ['a list of two', byron(encode([root, attributes()])), "isn't built"],
    ['spending type 3', byron(encode([root, attributes(), 3])), 'spending type'],
    ['attributes that are a list', byron(encode([root, [], 0])), 'attributes'],
    ["a magic that isn't CBOR in bytes", byron(encode([root, attributes(7), 0])), 'magic'],
    ['a magic of 33 bits', byron(encode([root, attributes(encode(2 ** 32)), 0])), 'magic'],
    ['a negative magic', byron(encode([root, attributes(encode(-1)), 0])), 'magic'],
    ['no CBOR under a right checksum', byron(Uint8Array.from([0xff])), 'no readable content'],
  ])('%s is refused', (_, text, why) => {
    expect(problemOf(text)).toContain(why);
  });

  test('bytes that follow the address are refused', () => {
    const text = base58.encode(Uint8Array.from([...base58.decode(BYRON), 0]));
    expect(problemOf(text)).toContain('neither');
  });

  test('an address of mainnet that says its magic aloud belongs to no mainnet', () => {
    const text = byron(encode([root, attributes(encode(mainnet.magic)), 0]));
    expect(problemOf(text, mainnet)).toContain('magic 764824073');
  });
});

describe('the network of an address', () => {
  test.each([
    [BASE, mainnet, 'no problem'],
    [BASE, preprod, 'belongs to mainnet, but NETWORK is preprod'],
    [TEST_BASE, preprod, 'no problem'],
    [TEST_BASE, network('custom:42'), 'no problem'],
    [TEST_BASE, mainnet, 'belongs to a test network, but NETWORK is mainnet'],
    [BYRON, mainnet, 'no problem'],
    [BYRON, preprod, 'belongs to mainnet'],
    [BYRON_TEST, network('custom:1097911063'), 'no problem'],
    [BYRON_TEST, preprod, 'magic 1097911063, but NETWORK is preprod'],
    [STAKE, mainnet, "can't receive"],
  ])('%s on %o: %s', (text, on, expected) => {
    expect(problemOf(text, on)).toContain(expected);
  });

  test.each([
    ['custom:1', 'preprod', 1],
    ['custom:764824073', 'mainnet', 764824073],
    ['custom:0', 'custom:0', 0],
    ['custom:00042', 'custom:42', 42],
  ])('%s is %s', (given, name, magic) => {
    expect(parseNetwork(given)).toMatchObject({ name, magic });
  });

  test.each(['', 'Mainnet', 'testnet', 'custom:', 'custom:-1', 'custom:4294967296', 'custom:1e3'])(
    '%j is no network',
    (given) => {
      expect(parseNetwork(given)).toBeUndefined();
    },
  );
});

describe('laws', () => {
  test('one changed character makes no other address', () => {
    const characters = '023456789acdefghjklmnpqrstuvwxyz';
    fc.assert(
      fc.property(
        fc.nat(BASE.length - 6),
        fc.constantFrom(...characters.split('')),
        (position, character) => {
          const at = position + 5;
          fc.pre(BASE[at] !== character);
          const changed = BASE.slice(0, at) + character + BASE.slice(at + 1);
          expect(parseAddress(changed).ok).toBe(false);
        },
      ),
    );
  });

  test('no text makes it throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.base64String()), (text) => {
        expect(typeof parseAddress(text).ok).toBe('boolean');
      }),
    );
  });
});

const BLOCKS = new URL('../../../shared/blocks/', import.meta.url);
const blocksAtHand = existsSync(BLOCKS);
if (!blocksAtHand) console.warn('SKIPPED: real blocks (../shared/blocks) are not at hand');

describe.skipIf(!blocksAtHand)('real blocks of every era', () => {
  test('every address in them is read, and its text is the canonical one', () => {
    const addresses = new Set<string>();
    for (const folder of ['chain/', 'single/']) {
      for (const file of readdirSync(new URL(folder, BLOCKS))) {
        if (!file.endsWith('.truth.json')) continue;
        const truth = JSON.parse(readFileSync(new URL(folder + file, BLOCKS), 'utf8')) as {
          outputs: { address: string }[];
        };
        for (const { address } of truth.outputs) addresses.add(address);
      }
    }
    const wrong = [...addresses].filter((text) => {
      const parsed = parseAddress(text);
      return !parsed.ok || parsed.address.text !== text;
    });
    expect(wrong).toEqual([]);
    expect(addresses.size).toBeGreaterThan(2000);
  });
});
