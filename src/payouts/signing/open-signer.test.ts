import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { FixedTransaction, PublicKey } from '@emurgo/cardano-serialization-lib-nodejs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KEY_HASH, KEY_HEX, PREPROD, unsigned, WALLET } from '../../../test/support/unsigned.js';
import { ConfigError } from '../../config.js';
import { makeAddress } from '../../devnet/address.js';
import { openSigner } from './open-signer.js';
import { SigningRefused } from './signer.js';

const NO_TLS = { cert: null, key: null, ca: null };
/** Linux has it, some sandboxes don't. */
const DUMP_FILTER = '/proc/self/coredump_filter';
const never = new AbortController().signal;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'teller-keys-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function keyFile(content: string, mode = 0o600): Promise<string> {
  const path = join(folder, `${Math.random()}.skey`);
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}
const CLI_KEY = JSON.stringify({
  type: 'PaymentSigningKeyShelley_ed25519',
  description: '',
  cborHex: `5820${KEY_HEX}`,
});
const open = (path: string, hotWalletAddress: string = WALLET) =>
  openSigner({ kind: 'file', path }, { network: PREPROD, hotWalletAddress, tls: NO_TLS });

async function problemOf(attempt: Promise<unknown>): Promise<string> {
  const error: unknown = await attempt.catch((caught: unknown) => caught);
  if (!(error instanceof ConfigError)) throw new Error(`no ConfigError: ${inspect(error)}`);
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(KEY_HEX.slice(0, 16));
  return error.message;
}

describe('a signer with a key file', () => {
  test('signs what another library finds to be the same body, validly signed', async () => {
    const signer = await open(await keyFile(CLI_KEY));
    const transaction = unsigned();
    const signed = await signer.sign(transaction, never);
    const read = FixedTransaction.from_bytes(signed);
    const body = Buffer.from(read.raw_body()).toString('hex');
    expect(transaction.cbor.startsWith(`84${body}a0f5`)).toBe(true);
    expect(
      transaction.cbor.endsWith(Buffer.from(read.raw_auxiliary_data() ?? []).toString('hex')),
    ).toBe(true);
    expect(read.transaction_hash().to_hex()).toBe(transaction.id);
    const witnesses = read.witness_set().vkeys();
    expect(witnesses?.len()).toBe(1);
    const witness = witnesses?.get(0);
    const key = PublicKey.from_hex(witness?.vkey().public_key().to_hex() ?? '');
    expect(key.hash().to_hex()).toBe(KEY_HASH);
    const id = Buffer.from(transaction.id, 'hex');
    expect(witness && key.verify(id, witness.signature())).toBe(true);
    await signer.close();
  });

  test('refuses a body that differs from what is claimed', async () => {
    const signer = await open(await keyFile(CLI_KEY));
    const transaction = unsigned(({ body }) => body.set(2, 200_001));
    await expect(signer.sign(transaction, never)).rejects.toThrow(SigningRefused);
    await expect(signer.sign(unsigned(), AbortSignal.abort())).rejects.toThrow('aborted');
    await signer.close();
    await expect(signer.sign(unsigned(), never)).rejects.toThrow('closed');
  });

  test('shows nothing of its key, however it is printed', async () => {
    const signer = await open(await keyFile(CLI_KEY));
    const shown = [
      inspect(signer, { depth: 20, showHidden: true, getters: true }),
      JSON.stringify(signer),
      Object.entries(signer).flat().join(),
    ].join('\n');
    expect(shown).toContain(KEY_HASH);
    expect(shown).not.toContain(KEY_HEX.slice(0, 16));
    await signer.close();
  });

  test.runIf(existsSync(DUMP_FILTER))('leaves no memory to a core dump', async () => {
    await open(await keyFile(CLI_KEY));
    expect(await readFile(DUMP_FILTER, 'utf8')).toMatch(/^0+\n$/);
  });
});

describe('a key for another wallet', () => {
  test('is refused at start, with both hashes and not the key', async () => {
    const other = makeAddress('enterprise', 1, Buffer.alloc(28, 7));
    const problem = await problemOf(open(await keyFile(CLI_KEY), other));
    for (const part of ['SIGNER', KEY_HASH, other, '07'.repeat(28)]) {
      expect(problem).toContain(part);
    }
  });

  test.each(['script', 'byron'] as const)('a hot wallet of kind %s is refused', async (kind) => {
    const other = makeAddress(kind, 1, Buffer.alloc(28, 7));
    const problem = await problemOf(open(await keyFile(CLI_KEY), other));
    expect(problem).toMatch(/^HOT_WALLET_ADDRESS: /);
    expect(problem).toContain(kind === 'byron' ? 'Byron' : 'script');
  });

  test('a stake part makes no difference', async () => {
    const payment = Buffer.from(KEY_HASH, 'hex');
    const base = makeAddress('base', 1, payment, Buffer.alloc(28, 1));
    const signer = await open(await keyFile(CLI_KEY), base);
    expect(signer.keyHash).toBe(KEY_HASH);
    await expect(signer.sign(unsigned(), never)).rejects.toThrow('output 2');
  });
});

describe('a key file that cannot be used', () => {
  test.each([0o644, 0o640, 0o604, 0o620])('is refused with mode %o', async (mode) => {
    const problem = await problemOf(open(await keyFile(CLI_KEY, mode)));
    expect(problem).toContain('chmod 600');
  });

  test('is refused where it is not there, no file, or too long', async () => {
    expect(await problemOf(open(join(folder, 'none')))).toContain('ENOENT');
    expect(await problemOf(open(folder))).toContain('is no file');
    expect(await problemOf(open(await keyFile(CLI_KEY.repeat(100))))).toContain('bytes');
  });

  test('is refused without quoting it', async () => {
    const path = await keyFile(CLI_KEY.replace('5820', '5821'));
    expect(await problemOf(open(path))).toMatch(/^SIGNER: .*5820 and 32 bytes/);
  });
});

test('a remote signer needs a certificate of this side', async () => {
  const problem = await problemOf(
    openSigner(
      { kind: 'remote', url: 'https://localhost:1' },
      { network: PREPROD, hotWalletAddress: WALLET, tls: NO_TLS },
    ),
  );
  expect(problem).toContain('SIGNER_CLIENT_CERT');
  expect(problem).toContain('SIGNER_CLIENT_KEY');
});
