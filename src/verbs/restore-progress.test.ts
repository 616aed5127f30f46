import { expect, test } from 'vitest';
import { showRestoring } from './restore-progress.js';

test('a restore tells of each of its three parts how much is done, how fast, and how long it takes yet', () => {
  const said: string[] = [];
  const clock = { now: 0 };
  const terminal = {
    environment: {},
    out: () => undefined,
    err: (text: string) => void said.push(text),
    isInteractive: false,
  };
  const table = (name: string, rows: number, bytes: number) => {
    return { name, rows, bytes, columns: [], sha256: '' };
  };
  const tables = [table('blocks', 300, 6_000), table('outbox', 100, 2_000)];
  const { onBytes, onRows, onIndexed, stop } = showRestoring(terminal, { tables }, () => clock.now);
  const after = (ms: number, tell: () => void): void => {
    clock.now += ms;
    tell();
  };
  after(4_000, () => onBytes(2_000));
  after(1, () => onRows(0));
  after(5_000, () => onRows(100));
  // Longer than the others took: of an index nothing is known until it is there.
  after(1, () => onIndexed(0, 1_000));
  after(60_000, () => onIndexed(600, 1_000));
  stop();
  expect(said).toEqual([
    '2000 bytes verified, 500/s, 25 %, 12 s left\n',
    '100 rows, 20/s, 25 %, 15 s left\n',
    '600 rows indexed, 10/s, 60 %, 40 s left\n',
  ]);
});
