import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const DEMO_MS_MAX = 180_000;

/** In their order: what somebody who watches must have seen. */
const KEY_LINES = [
  /^1\. Two instances$/,
  /^ {2}teller A {2}I lead now \(epoch 1\)$/,
  /^ {2}✓ an address of another network is refused \(422\)/,
  /^ {2}teller A {2}detected 25 ada for ann: pending, needs 3 confirmations$/,
  /^ {2}company {3}GET \/v1\/payments: pending, 2 of 3 confirmations$/,
  /^ {2}teller A {2}confirmed 25 ada for ann/,
  /^ {2}✓ bob has 9223372036854775807 tokens/,
  /^ {2}✓ nothing was recorded or credited/,
  /^ {2}✓ status ignored/,
  /^ {2}teller A {2}the chain took 2 blocks back, 1 payment with them$/,
  /^ {2}teller A {2}detected 40 ada for ann again \(inclusion 2\)/,
  /^ {14}available +-60 ada {2}payment_rolled_back$/,
  /^ {2}✓ spentBy names the sweep/,
  /^ {2}teller B {2}I lead now \(epoch 2\)$/,
  /^ {2}✓ B took over after \d\.\d s and found the deposit$/,
  /^ {2}✓ none was missed: carol has 40 ada$/,
  /^ {2}✓ handed over in/,
  /^ {2}✓ recorded, and nobody is credited for it$/,
  /^ {2}company {3}POST \/v1\/payouts, Idempotency-Key withdrawal-1: 30 ada for ann → 201, queued$/,
  /^ {2}✓ 30 ada are held; the same request again is the same payout \(200\)$/,
  /^ {2}teller [AB] {2}confirmed the payout of 30 ada for ann$/,
  /^ {2}✓ paid once by the chain's own ledger; the fee of 0\.\d+ ada is the company's$/,
  /^ {2}✓ the key that asked for it may not approve it \(403\); it waits$/,
  /^ {2}✓ approved, and paid once by the chain's own ledger$/,
  /^ {2}teller [AB] {2}\(process \d+ was killed\)$/,
  /^ {2}teller [AB] {2}I pay now \(epoch \d+\)$/,
  /^ {2}✓ the very transaction [0-9a-f]{8}… is in a block: carol was paid once$/,
  /^ {2}✓ status submitted; its 8 ada are held again$/,
  /^ {14}held +\+8 ada {2}payout_rolled_back$/,
  /^ {2}✓ the same transaction again, paid once by the chain's own ledger$/,
  /^ {2}✓ \d+ unspent outputs with [\d.]+ ada in all: the same on both sides$/,
  /^ {2}✓ 4 payouts, each paid once; the hot wallet has the [\d.]+ ada it should$/,
  /^ {2}✓ \d+ outputs of \d+ addresses: records equal the chain$/,
  /^ {2}✓ \d+ balances equal the sums of their \d+ ledger entries$/,
  /^ {2}✓ amount_mismatch: 250 ada in the books, 25 ada on the chain$/,
  /^ {2}✓ 3 mismatches, each told with both values$/,
  /^ {2}✓ repaired by whoever leads, between two blocks, with an audit trail$/,
  /^ {2}✓ \d+ outputs of \d+ addresses: records equal the chain$/,
  /^ {2}✓ \d+ balances equal the sums of their \d+ ledger entries$/,
  /^ {2}✓ \d+ bytes, written and read back; state digest [0-9a-f]{8}…$/,
  /^Every step held\./,
  /^Nothing is left running\.$/,
];

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('npm run demo', () => {
  let stop: (() => void) | undefined;
  afterEach(() => stop?.());

  /** As `npm run demo` runs it, with what it prints line by line. */
  function runDemo(...flags: string[]) {
    const child = spawn(process.execPath, ['scripts/demo.mjs', ...flags], { cwd: root });
    stop = () => child.kill('SIGTERM');
    let output = '';
    const collect = (text: string) => {
      output += text;
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    const ended = new Promise<number | null>((resolve) => {
      child.once('close', (code) => {
        stop = undefined;
        resolve(code);
      });
    });
    return { child, ended, lines: () => output.split('\n') };
  }

  test('--exit tells the whole story, and every step holds', { timeout: DEMO_MS_MAX }, async () => {
    const { ended, lines } = runDemo('--exit');
    const exitCode = await ended;
    const told = lines();
    let from = 0;
    for (const pattern of KEY_LINES) {
      const at = told.findIndex((line, index) => index >= from && pattern.test(line));
      expect(at, `${pattern.source} after line ${from} of\n${told.join('\n')}`).not.toBe(-1);
      from = at + 1;
    }
    expect(told.filter((line) => line.includes('✗'))).toEqual([]);
    expect(exitCode).toBe(0);
  });

  test('says what it takes where it is asked for that', { timeout: 60_000 }, async () => {
    const { ended, lines } = runDemo('--help');
    expect(await ended).toBe(0);
    expect(lines()[0]).toBe('Usage: npm run demo [-- --exit]');
  });

  test('ends in order when it is interrupted, twice', { timeout: DEMO_MS_MAX }, async () => {
    const { child, ended, lines } = runDemo();
    await expect.poll(lines, { timeout: 60_000 }).toContain('2. Addresses');
    child.kill('SIGINT');
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(lines()).toContain('Nothing is left running.');
    const started = lines().flatMap((line) => /process (\d+) was started/.exec(line)?.[1] ?? []);
    expect(started).toHaveLength(2);
    expect(started.map(Number).filter(isAlive)).toEqual([]);
  });
});
