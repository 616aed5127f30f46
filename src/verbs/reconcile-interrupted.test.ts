import { expect, onTestFinished, test, vi } from 'vitest';
import { followedBooks } from '../../test/support/reconciling.js';
import { runTeller } from './program.js';

const { net, copyBooks } = await followedBooks();

function startTeller(url: string, ...words: string[]) {
  const said = { out: '', err: '' };
  const environment = {
    NETWORK: 'custom:42',
    DATABASE_URL: url,
    OGMIOS_URL: net.url,
    HOT_WALLET_ADDRESS: net.chain.faucet,
  };
  const out = (text: string): void => {
    said.out += text;
  };
  const err = (text: string): void => {
    said.err += text;
  };
  const terminal = { environment, out, err, isInteractive: false };
  const noRun = () => Promise.reject(new Error('nothing is to run here'));
  return { said, ended: runTeller(words, terminal, noRun) };
}

async function tellerOn(url: string, ...words: string[]) {
  const { said, ended } = startTeller(url, ...words);
  const exitCode = await ended;
  return { ...said, exitCode };
}

/** Of Ctrl-C those are told that weren't listening before. */
function pressCtrlC(before: readonly NodeJS.SignalsListener[]): void {
  for (const listener of process.listeners('SIGINT')) {
    if (!before.includes(listener)) listener('SIGINT');
  }
}

test('whoever interrupts a comparison is told how it goes on, then and with the next one', async () => {
  const { pool, url } = await copyBooks();
  const before = process.listeners('SIGINT');
  net.inject({ kind: 'slow', delayMs: 2_000 });
  onTestFinished(() => net.heal());
  const first = tellerOn(url, 'reconcile');
  await vi.waitFor(
    async () => {
      const begun = 'select 1 from reconciliation_runs where block_hash is not null';
      expect((await pool.query(begun)).rows).toHaveLength(1);
    },
    { timeout: 20_000 },
  );
  pressCtrlC(before);
  const interrupted = await first;
  net.heal();
  expect(interrupted).toMatchObject({ exitCode: 1, out: '' });
  expect(interrupted.err).toContain(
    'interrupted; what was found so far says nothing yet: `teller reconcile --resume` goes on with it within the hour, ' +
      '`teller reconcile` begins a new one',
  );
  const next = await tellerOn(url, 'reconcile', '--resume');
  expect(next.exitCode).toBe(0);
  expect(next.err).toMatch(/^going on with run 1, begun at/);
  expect(next.out).toMatch(/run 1: .*; records equal the chain/);
});

test('whoever begins another one while one is at work, or was killed a moment ago, is told so', async () => {
  const { pool, url } = await copyBooks();
  expect(await tellerOn(url, 'reconcile')).toMatchObject({ exitCode: 0, err: '' });
  await pool.query(`update reconciliation_runs set state = 'running', requested_by = 'schedule', finished_at = null,
                           heartbeat_at = now() - interval '7 seconds'`);
  const { exitCode, err } = await tellerOn(url, 'reconcile');
  expect(exitCode).toBe(0);
  expect(err).toMatch(
    /^run 1, asked for by schedule, is under way or was killed: it was heard of \d+ s ago; this is a new one, /,
  );
  expect(err).toContain(
    'where that one was killed, `teller reconcile --resume` would have gone on',
  );
  const some = await tellerOn(url, 'reconcile', '--address', net.chain.faucet);
  expect(some).toMatchObject({ exitCode: 0, err: '' });
});

test('whoever compares is told how long a node has kept silent', async () => {
  const { url } = await copyBooks();
  net.inject({ kind: 'stall' });
  onTestFinished(() => net.heal());
  const { said, ended } = startTeller(url, 'reconcile');
  await vi.waitFor(
    () => expect(said.err).toMatch(/^waiting for the node's answer, \d+ s by now$/m),
    { timeout: 20_000 },
  );
  net.heal();
  expect(await ended).toBe(0);
});
