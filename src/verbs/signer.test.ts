import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { enterpriseAddress } from '../../test/support/addresses.js';
import { KEY_HASH, KEY_HEX, PREPROD, unsigned, WALLET } from '../../test/support/unsigned.js';
import { Secret } from '../config.js';
import { openSigner } from '../payouts/signing/open-signer.js';
import { runTeller } from './program.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pemPath = (name: string) => join(root, 'test/support/certificates', `${name}.pem`);
const NETWORK = { NETWORK: 'preprod', HOT_WALLET_ADDRESS: WALLET };
let folder: string;
let keyPath: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'teller-signer-verb-'));
  keyPath = join(folder, 'payment.skey');
  const cborHex = `5820${KEY_HEX}`;
  const envelope = { type: 'PaymentSigningKeyShelley_ed25519', description: '', cborHex };
  await writeFile(keyPath, JSON.stringify(envelope), { mode: 0o600 });
});
afterAll(() => rm(folder, { recursive: true }));

const usual = () => [
  'signer',
  ...['--key', keyPath, '--port', '0'],
  ...['--cert', pemPath('server'), '--key-file', pemPath('server-key')],
  ...['--ca', pemPath('authority')],
];

async function teller(words: readonly string[], environment: NodeJS.ProcessEnv = NETWORK) {
  let text = '';
  const write = (part: string) => {
    text += part;
  };
  const terminal = { environment, out: write, err: write, isInteractive: false };
  const exitCode = await runTeller(words, terminal, () => Promise.reject(new Error('no run')));
  return { exitCode, text };
}

describe('teller signer', () => {
  test('has a help with an example and its defaults', async () => {
    const { exitCode, text } = await teller(['signer', '--help']);
    expect(exitCode).toBe(0);
    for (const part of ['Example:', '--json', '(default: 2)', '--destinations']) {
      expect(text).toContain(part);
    }
  });

  test.each<[string, () => string[], NodeJS.ProcessEnv, readonly string[]]>([
    ['no key', () => ['signer'], NETWORK, ['--key']],
    ['no wallet', usual, { NETWORK: 'preprod' }, ['HOT_WALLET_ADDRESS']],
    [
      'the key of another wallet',
      usual,
      { ...NETWORK, HOT_WALLET_ADDRESS: enterpriseAddress(5) },
      ['--key', KEY_HASH, enterpriseAddress(5)],
    ],
    ['a sum that is none', () => [...usual(), '--max-fee-ada', 'x'], NETWORK, ['--max-fee-ada']],
    [
      'a daily limit that a restart forgets',
      () => [...usual(), '--max-per-day-ada', '5'],
      NETWORK,
      ['--max-per-day-ada', '--journal'],
    ],
    [
      'a file that is not there',
      () => [...usual(), '--destinations', '/no/such'],
      NETWORK,
      ['--destinations', '/no/such', 'ENOENT'],
    ],
    [
      'a destination that is none',
      () => [...usual(), '--destinations', pemPath('server')],
      NETWORK,
      ['--destinations', 'line 1', 'neither bech32'],
    ],
    [
      'a certificate that is none',
      () => [...usual(), '--cert', keyPath],
      NETWORK,
      ['--cert, --key-file, --ca', 'PEM'],
    ],
    [
      'a journal where none can be',
      () => [...usual(), '--journal', '/no/such/file'],
      NETWORK,
      ['--journal', '/no/such/file', 'ENOENT'],
    ],
    [
      'a host that is not here',
      () => [...usual(), '--host', '203.0.113.1'],
      NETWORK,
      ['--host', "can't listen", '203.0.113.1'],
    ],
  ])('refuses %s and says what to do', async (_, words, environment, wanted) => {
    const { exitCode, text } = await teller(words(), environment);
    expect([exitCode, text]).toEqual([2, expect.stringContaining(wanted[0] ?? '')]);
    for (const part of wanted) expect(text).toContain(part);
    expect(text).not.toContain(KEY_HEX.slice(0, 16));
  });

  test('as a process signs within its limits until it is told to stop', async () => {
    const destinations = join(folder, 'destinations');
    await writeFile(
      destinations,
      `# ours\n${enterpriseAddress(1)} # one\n\n${enterpriseAddress(2)}`,
    );
    const words = [
      ...[...usual(), '--json', '--allow-tokens', '--destinations', destinations],
      ...['--max-per-transaction-ada', '7.2', '--max-per-day-ada', '7.2'],
      ...['--journal', join(folder, 'signed.jsonl')],
    ];
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli.ts', ...words], {
      cwd: root,
      env: { ...process.env, ...NETWORK },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'exit');
    onTestFinished(() => void child.kill('SIGKILL'));
    let logged = '';
    child.stderr.on('data', (chunk: Buffer) => {
      logged += chunk.toString();
    });
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const started = JSON.parse(line) as { event: string; url: string; keyHash: string };
    expect(started).toMatchObject({ event: 'listening', keyHash: KEY_HASH });
    const [cert, key, ca] = await Promise.all(
      ['client', 'client-key', 'authority'].map(async (name) => {
        return new Secret(await readFile(pemPath(name), 'utf8'));
      }),
    );
    const tls = { cert: cert ?? null, key: key ?? null, ca: ca ?? null };
    const signer = await openSigner(
      { kind: 'remote', url: started.url },
      { network: PREPROD, hotWalletAddress: WALLET, tls },
    );
    const signed = await signer.sign(unsigned(), new AbortController().signal);
    expect(signed.length).toBeGreaterThan(200);
    child.kill('SIGTERM');
    const [exitCode] = (await ended) as [number | null];
    expect([exitCode, logged]).toEqual([0, expect.stringContaining('"event":"signed"')]);
    expect(logged).not.toContain(KEY_HEX.slice(0, 16));
  });
});
