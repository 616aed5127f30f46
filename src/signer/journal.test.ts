import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../config.js';
import { openJournal } from './journal.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'teller-journal-'));
});
afterAll(() => rm(folder, { recursive: true }));

const NOON = Date.parse('2026-01-01T12:00:00Z');
const HOUR = 3_600_000;
const at = (hours: number) => new Date(NOON + hours * HOUR);
const id = (digit: string) => digit.repeat(64);
let files = 0;
const newPath = () => join(folder, `${++files}.jsonl`);

describe("a signer's journal", () => {
  test('sums up 24 hours, this transaction aside, and survives restarts', async () => {
    const path = newPath();
    const journal = await openJournal(path);
    await journal.record({ id: id('a'), at: at(0), leaving: 10n });
    await journal.record({ id: id('b'), at: at(1), leaving: 5n });
    await journal.record({ id: id('b'), at: at(2), leaving: 5n });
    await journal.close();
    const again = await openJournal(path);
    expect(again.signedToday(at(2), id('c'))).toBe(15n);
    expect(again.signedToday(at(2), id('b'))).toBe(10n);
    expect(again.signedToday(at(23), id('c'))).toBe(15n);
    expect(again.signedToday(at(24), id('c'))).toBe(5n);
    expect(again.signedToday(at(25), id('c'))).toBe(0n);
    await again.close();
    expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(3);
  });

  test('counts what a clock that was set back takes for the future', async () => {
    const journal = await openJournal(null);
    await journal.record({ id: id('a'), at: at(100), leaving: 10n });
    expect(journal.signedToday(at(0), id('c'))).toBe(10n);
  });

  test('drops a line that was never finished, and writes behind the whole ones', async () => {
    const path = newPath();
    const journal = await openJournal(path);
    await journal.record({ id: id('a'), at: at(0), leaving: 10n });
    await journal.close();
    await appendFile(path, '{"at":"2026-01-01T12:');
    const again = await openJournal(path);
    await again.record({ id: id('b'), at: at(0), leaving: 1n });
    await again.close();
    const last = await openJournal(path);
    expect(last.signedToday(at(1), id('c'))).toBe(11n);
    await last.close();
  });

  test.each(['nonsense\n', '{"at":"2026-01-01T12:00:00.000Z"}\n', '\n'])(
    'refuses a file with a line that is none of its own: %j',
    async (content) => {
      const path = newPath();
      await writeFile(path, content);
      await expect(openJournal(path)).rejects.toThrow(/--journal: .*line 1 is none of ours/);
    },
  );

  test('refuses to be where no file can be', async () => {
    await expect(openJournal(join(folder, 'no', 'such'))).rejects.toThrow(ConfigError);
  });

  test('records nothing more once somebody else writes to its file', async () => {
    const path = newPath();
    const one = await openJournal(path);
    const other = await openJournal(path);
    await one.record({ id: id('a'), at: at(0), leaving: 10n });
    const attempt = other.record({ id: id('b'), at: at(0), leaving: 10n });
    await expect(attempt).rejects.toThrow('somebody else');
    await one.close();
    await other.close();
  });
});
