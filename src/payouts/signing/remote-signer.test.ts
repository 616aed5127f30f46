import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KEY_HASH, PREPROD, testKey, unsigned, WALLET } from '../../../test/support/unsigned.js';
import { Secret } from '../../config.js';
import { openSigner } from './open-signer.js';
import { type Signer, SigningRefused } from './signer.js';

const never = new AbortController().signal;
const folder = fileURLToPath(new URL('../../../test/support/certificates', import.meta.url));
const pem = (name: string) => readFile(join(folder, `${name}.pem`), 'utf8');

type Reply = { status?: number; type?: string; body?: string; location?: string };
const JSON_TYPE = 'application/json';
const PROBLEM_TYPE = 'application/problem+json';
const publicKey = Buffer.from(testKey().to_public().to_raw_bytes()).toString('hex');
const KEY = { version: 1, network: 'preprod', publicKey, keyHash: KEY_HASH };

let server: Server;
let requests: { method: string; url: string; body: string }[];
/** What the signer answers; null: nothing at all, 'broken': half of it. */
let keyReply: Reply;
let signReply: Reply | null | 'broken';

beforeEach(async () => {
  requests = [];
  keyReply = { body: JSON.stringify(KEY) };
  signReply = { body: JSON.stringify(goodAnswer()) };
  const [cert, key, ca] = await Promise.all(['server', 'server-key', 'authority'].map(pem));
  server = createServer({ cert, key, ca, requestCert: true }, (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const { method = '', url = '' } = request;
      requests.push({ method, url, body });
      const reply = method === 'GET' ? keyReply : signReply;
      if (reply === null) return;
      if (reply === 'broken') {
        response.writeHead(200, { 'content-length': 1000 }).write('{"version"');
        response.destroy();
        return;
      }
      const headers = { 'content-type': reply.type ?? JSON_TYPE, location: reply.location ?? '' };
      response.writeHead(reply.status ?? 200, headers).end(reply.body ?? '{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

function goodAnswer(id = unsigned().id) {
  return { version: 1, publicKey, signature: testKey().sign(Buffer.from(id, 'hex')).to_hex() };
}

async function open(path = ''): Promise<Signer> {
  const { port } = server.address() as AddressInfo;
  const [cert = '', key = '', ca = ''] = await Promise.all(
    ['client', 'client-key', 'authority'].map(pem),
  );
  return openSigner(
    { kind: 'remote', url: `https://localhost:${port}${path}` },
    {
      network: PREPROD,
      hotWalletAddress: WALLET,
      tls: { cert: new Secret(cert), key: new Secret(key), ca: new Secret(ca) },
    },
  );
}

async function failureOf(attempt: Promise<unknown>): Promise<Error> {
  const error: unknown = await attempt.then(
    () => 'signed',
    (caught: unknown) => caught,
  );
  if (!(error instanceof Error)) throw new Error(`no failure: ${String(error)}`);
  return error;
}

describe('a remote signer', () => {
  test('is shown the whole transaction, below the path of its address', async () => {
    const signer = await open('/kept/elsewhere/');
    const transaction = unsigned();
    await signer.sign(transaction, never);
    expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /kept/elsewhere/v1/key',
      'POST /kept/elsewhere/v1/sign',
    ]);
    expect(JSON.parse(requests[1]?.body ?? '')).toEqual({
      version: 1,
      network: 'preprod',
      id: transaction.id,
      transaction: transaction.cbor,
      inputs: transaction.inputs.map(({ reference, lovelace, assets }) => ({
        reference,
        address: WALLET,
        lovelace: lovelace.toString(),
        assets: Object.fromEntries([...assets].map(([unit, amount]) => [unit, `${amount}`])),
      })),
    });
  });

  test('is not asked about a transaction that is not what is claimed', async () => {
    const signer = await open();
    const odd = unsigned(({ body }) => body.set(2, 200_001));
    expect(await failureOf(signer.sign(odd, never))).toBeInstanceOf(SigningRefused);
    expect(requests).toHaveLength(1);
  });

  test('refuses where it says so itself, and its words are cleaned', async () => {
    const signer = await open();
    const body = { type: 'urn:chain-teller:signer:refused', detail: 'too\u001b[31m much' };
    signReply = { status: 422, type: PROBLEM_TYPE, body: JSON.stringify(body) };
    const failure = await failureOf(signer.sign(unsigned(), never));
    expect(failure).toBeInstanceOf(SigningRefused);
    expect(failure.message).toBe('the signer refuses: too [31m much');
  });

  const limit = { type: 'urn:chain-teller:signer:limit-reached', detail: 'tomorrow' };
  const other = { ...goodAnswer(), signature: goodAnswer('ab'.repeat(32)).signature };
  test.each<[string, typeof signReply, string]>([
    ['its limit is reached', problem(429, limit), 'answered 429: tomorrow'],
    ['a proxy forbids', { status: 403, type: 'text/html', body: 'Forbidden' }, 'answered 403'],
    ['it has trouble', problem(500, { type: 'about:blank' }), 'answered 500'],
    ['a refusal is no client error', problem(503, { type: refusedType() }), 'answered 503'],
    ['it redirects', { status: 307, location: 'https://localhost:1/' }, 'answered 307'],
    ['it answers no JSON', { body: 'yes' }, "isn't that of the protocol"],
    ['it answers another version', { body: '{"version":2}' }, '(version)'],
    ['it signed something else', { body: JSON.stringify(other) }, 'not one of this transaction'],
    ['it signed with another key', { body: JSON.stringify(byStranger()) }, 'by another key'],
    ['its key is none', { body: keyOf('ff'.repeat(32)) }, 'by another key'],
    ['its answer never ends', { body: ' '.repeat(70_000) }, 'too long'],
    ['its answer breaks off', 'broken', "can't be reached"],
  ])('is asked again later where %s', async (_, reply, wanted) => {
    const signer = await open();
    signReply = reply;
    const failure = await failureOf(signer.sign(unsigned(), never));
    expect(failure).not.toBeInstanceOf(SigningRefused);
    expect(failure.message).toContain(wanted);
  });

  test('is waited for only as long as wanted', async () => {
    const signer = await open();
    signReply = null;
    const failure = await failureOf(signer.sign(unsigned(), AbortSignal.timeout(100)));
    expect(failure.message).toContain("wasn't waited for");
  });

  test('is waited for ten seconds at most', { timeout: 20_000 }, async () => {
    const signer = await open();
    signReply = null;
    const failure = await failureOf(signer.sign(unsigned(), never));
    expect(failure.message).toContain("didn't answer within 10 s");
  });

  test.each<[string, Reply]>([
    ['a hash of another key', { body: JSON.stringify({ ...KEY, publicKey: 'ab'.repeat(32) }) }],
    ['half of what is asked', { body: '{"version":1}' }],
    ['an error', { status: 500 }],
  ])('is not opened where it tells %s as its key', async (_, reply) => {
    keyReply = reply;
    expect((await failureOf(open())).name).toBe('Error');
  });
});

function problem(status: number, body: object): Reply {
  return { status, type: PROBLEM_TYPE, body: JSON.stringify(body) };
}
function refusedType(): string {
  return 'urn:chain-teller:signer:refused';
}
function keyOf(hex: string): string {
  return JSON.stringify({ ...goodAnswer(), publicKey: hex });
}
function byStranger(): object {
  // The public key of RFC 8032's first test vector.
  const strange = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
  return { ...goodAnswer(), publicKey: strange };
}
