import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../../test/support/addresses.js';
import {
  KEY_HASH,
  KEY_HEX,
  PREPROD,
  testKey,
  unsigned,
  WALLET,
} from '../../test/support/unsigned.js';
import { parseNetwork } from '../chain/network.js';
import { ConfigError, Secret } from '../config.js';
import { createLogger } from '../health/logging.js';
import { holdKey } from '../payouts/signing/file-signer.js';
import { openSigner, type SignerContext } from '../payouts/signing/open-signer.js';
import { SigningRefused } from '../payouts/signing/signer.js';
import { signRequestOf } from '../payouts/signing/signer-protocol.js';
import type { Allowance } from './allowance.js';
import { openJournal } from './journal.js';
import { buildSignerServer } from './server.js';
import { type RunningSigner, startSigner } from './start.js';

const never = new AbortController().signal;
const certificates = fileURLToPath(new URL('../../test/support/certificates', import.meta.url));
const pem = (name: string) => readFile(join(certificates, `${name}.pem`), 'utf8');

let folder: string;
let keyPath: string;
let journalPath: string;
let running: RunningSigner[] = [];
let logged = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'teller-signer-'));
  keyPath = join(folder, 'payment.skey');
  const cborHex = `5820${KEY_HEX}`;
  const envelope = { type: 'PaymentSigningKeyShelley_ed25519', description: '', cborHex };
  await writeFile(keyPath, JSON.stringify(envelope), { mode: 0o600 });
});
afterAll(() => rm(folder, { recursive: true }));
let tests = 0;
beforeEach(() => {
  logged = '';
  journalPath = join(folder, `journal-${++tests}.jsonl`);
});
afterEach(async () => {
  await Promise.all(running.map((signer) => signer.close()));
  running = [];
  expect(logged).not.toContain(KEY_HEX.slice(0, 16));
});

const UNLIMITED: Allowance = {
  wallet: WALLET,
  lovelacePerTransactionMax: null,
  lovelacePerDayMax: null,
  feeLovelaceMax: 2_000_000n,
  destinations: null,
  letsTokensLeave: true,
};

async function start(allowance: Partial<Allowance> = {}): Promise<RunningSigner> {
  const signer = await startSigner({
    network: PREPROD,
    keyPath,
    listen: { host: '127.0.0.1', port: 0 },
    journalPath,
    tls: { cert: await pem('server'), key: await pem('server-key'), ca: await pem('authority') },
    allowance: { ...UNLIMITED, ...allowance },
    log: createLogger('debug', {
      write: (line: string) => {
        logged += line;
      },
    }),
  });
  running.push(signer);
  return signer;
}

async function context(client = 'client', ca = 'authority'): Promise<SignerContext> {
  const [cert, key, authority] = await Promise.all([client, `${client}-key`, ca].map(pem));
  const secret = (text = '') => new Secret(text);
  return {
    network: PREPROD,
    hotWalletAddress: WALLET,
    tls: { cert: secret(cert), key: secret(key), ca: secret(authority) },
  };
}
const connect = async ({ url }: RunningSigner, given?: Partial<SignerContext>) =>
  openSigner({ kind: 'remote', url }, { ...(await context()), ...given });
const lines = () =>
  logged
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);

describe('the reference signer', () => {
  test('signs what the worker sends, and tells what it signed', async () => {
    const signer = await connect(await start());
    expect(signer.keyHash).toBe(KEY_HASH);
    const signed = await signer.sign(unsigned(), never);
    const here = await openSigner({ kind: 'file', path: keyPath }, await context());
    expect(Buffer.from(signed)).toEqual(Buffer.from(await here.sign(unsigned(), never)));
    expect(lines()).toContainEqual(
      expect.objectContaining({
        event: 'signed',
        client: 'teller tests: client',
        id: unsigned().id,
        leaving: '7200000',
        fee: '200000',
        payouts: ['11'.repeat(16), '22'.repeat(16)],
      }),
    );
    await signer.close();
  });

  test.each<[string, Partial<Allowance>, string]>([
    ['beyond a transaction', { lovelacePerTransactionMax: 7_199_999n }, '7200000 lovelace'],
    ['to others than the list', { destinations: new Set([enterpriseAddress(1)]) }, 'destinations'],
    ['of tokens', { letsTokensLeave: false }, 'tokens'],
  ])('refuses payments %s, and the worker knows it for a refusal', async (_, limits, wanted) => {
    const signer = await connect(await start(limits));
    const attempt = signer.sign(unsigned(), never);
    await expect(attempt).rejects.toThrow(SigningRefused);
    await expect(attempt).rejects.toThrow(wanted);
    expect(lines()).toContainEqual(expect.objectContaining({ event: 'signing_refused' }));
  });

  test("keeps to the day's limit across restarts, and signs the same again", async () => {
    const limits = { lovelacePerDayMax: 14_399_999n };
    const first = await start(limits);
    await (await connect(first)).sign(unsigned(), never);
    await first.close();
    running = [];
    const signer = await connect(await start(limits));
    await signer.sign(unsigned(), never);
    const other = { ...unsigned(({ body }) => body.set(3, 5001)), invalidHereafter: 5001 as never };
    const attempt = signer.sign(other, never);
    await expect(attempt).rejects.toThrow(/answered 429: 7200000 lovelace were signed away/);
    await expect(attempt).rejects.not.toThrow(SigningRefused);
  });

  test('finds room for one only where two come at once', async () => {
    const journal = await openJournal(null);
    const app = buildSignerServer({
      network: PREPROD,
      holder: holdKey(testKey()),
      allowance: { ...UNLIMITED, lovelacePerDayMax: 14_399_999n },
      journal: { ...journal, record: (entry) => setImmediate().then(() => journal.record(entry)) },
      log: createLogger('silent', { write: () => {} }),
      now: () => new Date(0),
      tls: { cert: await pem('server'), key: await pem('server-key'), ca: await pem('authority') },
    });
    const names = { network: 'preprod', wallet: WALLET };
    const answers = await Promise.all(
      [unsigned(), unsigned(({ body }) => body.set(3, 5001))].map((transaction) =>
        app.inject({
          method: 'POST',
          url: '/v1/sign',
          payload: signRequestOf(transaction, names),
        }),
      ),
    );
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 429]);
    await app.close();
  });

  test('signs nothing that it cannot remember', async () => {
    const signer = await connect(await start());
    await writeFile(journalPath, 'x');
    await expect(signer.sign(unsigned(), never)).rejects.toThrow('answered 500');
    expect(lines()).not.toContainEqual(expect.objectContaining({ event: 'signed' }));
  });

  test.each<[string, object, number]>([
    ['an id that is not the body', { id: 'ab'.repeat(32) }, 422],
    ['another network', { network: 'mainnet' }, 422],
    ['a transaction that is none', { transaction: '84a0' }, 422],
    ['another version', { version: 2 }, 400],
    ['a field that is unknown', { force: true }, 400],
  ])('refuses %s, whatever the worker checked', async (_, change, status) => {
    const { url } = await start();
    const names = { network: 'preprod', wallet: WALLET };
    const body = { ...signRequestOf(unsigned(), names), ...change };
    expect(await post(url, JSON.stringify(body))).toBe(status);
  });
});

async function post(url: string, body: string): Promise<number | undefined> {
  const [cert, key, ca] = await Promise.all(['client', 'client-key', 'authority'].map(pem));
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const options = { method: 'POST', cert, key, ca, headers, agent: false };
    const outgoing = request(`${url}/v1/sign`, options, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

describe('mutual authentication', () => {
  test('lets in no client without a certificate of its authority', async () => {
    const signer = await start();
    const { tls } = await context('stranger');
    await expect(connect(signer, { tls })).rejects.toThrow("can't be reached");
    const ca = await pem('authority');
    const bare = new Promise((resolve, reject) => {
      const outgoing = request(`${signer.url}/v1/key`, { ca, agent: false }, resolve);
      outgoing.on('error', reject);
      outgoing.end();
    });
    await expect(bare).rejects.toThrow();
  });

  test('believes no signer without a certificate of the authority it was given', async () => {
    const { tls } = await context('client', 'other-authority');
    await expect(connect(await start(), { tls })).rejects.toThrow("can't be reached");
  });

  test('refuses a certificate and a key that are none, or of two pairs', async () => {
    const signer = await start();
    const { tls } = await context();
    const broken = [new Secret('no PEM'), new Secret(await pem('stranger-key'))];
    for (const key of broken) {
      const attempt = connect(signer, { tls: { ...tls, key } });
      await expect(attempt).rejects.toThrow(/SIGNER_CLIENT_KEY.* can't be used/);
    }
  });
});

describe('a worker at its start', () => {
  test('refuses a signer of another wallet or network', async () => {
    const signer = await start();
    const hotWalletAddress = enterpriseAddress(5);
    await expect(connect(signer, { hotWalletAddress })).rejects.toThrow(ConfigError);
    await expect(connect(signer, { hotWalletAddress })).rejects.toThrow(KEY_HASH);
    const preview = parseNetwork('preview');
    if (preview === undefined) throw new Error('preview is a network');
    await expect(connect(signer, { network: preview })).rejects.toThrow('NETWORK is preview');
  });

  test('takes a signer that is not there for trouble that passes', async () => {
    const signer = await start();
    await signer.close();
    running = [];
    const error: unknown = await connect(signer).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(ConfigError);
  });
});

test('a signer does not start with the key of another wallet', async () => {
  await expect(start({ wallet: enterpriseAddress(5) })).rejects.toThrow(/^--key: .*HOT_WALLET/);
});
