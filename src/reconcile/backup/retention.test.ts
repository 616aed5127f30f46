import { describe, expect, test } from 'vitest';
import { nameOf, setOfName } from './backup-name.js';
import type { BackupSet } from './backup-sets.js';
import { dueSets, expiredBackups, type KeptBackup } from './retention.js';

const NOW = new Date('2026-03-10T12:00:00Z');
const kept = (set: BackupSet, createdAt: string): KeptBackup => ({
  file: `${set} ${createdAt}`,
  set,
  createdAt: new Date(createdAt),
});

describe('what is due', () => {
  test.each([
    ['all sets where there is nothing', [], ['critical', 'addresses', 'all']],
    [
      'all sets on a new UTC day',
      [kept('addresses', '2026-03-09T23:59:59Z'), kept('all', '2026-03-09T23:59:59Z')],
      ['critical', 'addresses', 'all'],
    ],
    [
      'what is critical later on that day',
      [kept('addresses', '2026-03-10T00:00:00Z'), kept('all', '2026-03-10T00:00:01Z')],
      ['critical'],
    ],
    [
      'what failed earlier that day',
      [kept('critical', '2026-03-10T11:00:00Z'), kept('all', '2026-03-10T11:00:00Z')],
      ['critical', 'addresses'],
    ],
  ])('is %s', (_, there, expected) => {
    expect(dueSets(there, NOW)).toEqual(expected);
  });
});

describe('what is kept no longer', () => {
  test('is what is older than its set allows: a week, thirty days, ninety', () => {
    const backups = (['critical', 'addresses', 'all'] as const).flatMap((set) =>
      [
        '2026-03-10',
        '2026-03-04',
        '2026-03-02',
        '2026-02-09',
        '2026-02-07',
        '2025-12-11',
        '2025-12-09',
      ].map((day) => kept(set, `${day}T12:00:00Z`)),
    );
    expect(expiredBackups(backups, NOW).map(({ file }) => file.slice(0, -10))).toEqual([
      ...['2026-03-02', '2026-02-09', '2026-02-07', '2025-12-11', '2025-12-09'].map(
        (day) => `critical ${day}`,
      ),
      ...['2026-02-07', '2025-12-11', '2025-12-09'].map((day) => `addresses ${day}`),
      'all 2025-12-09',
    ]);
  });

  test('is never the newest of its set', () => {
    const old = [kept('critical', '2025-01-01T00:00:00Z'), kept('all', '2025-01-01T00:00:00Z')];
    expect(expiredBackups(old, NOW)).toEqual([]);
    const older = kept('all', '2024-01-01T00:00:00Z');
    expect(expiredBackups([...old, older], NOW)).toEqual([older]);
  });
});

describe("a backup's name", () => {
  test('tells its set, to its own network', () => {
    const name = nameOf('custom:42', 'critical', NOW);
    expect(name).toBe('chain-teller-custom-42-critical-20260310T120000000Z.zip');
    expect(setOfName(name, 'custom:42')).toBe('critical');
    expect(setOfName(name, 'preprod')).toBeNull();
  });

  test.each([
    'chain-teller-preprod-all-20260310T120000000Z.zip.sha256',
    'chain-teller-preprod-all-2026.zip',
    'chain-teller-preprod-some-20260310T120000000Z.zip',
    '.chain-teller-preprod-all-20260310T120000000Z.zip.partial',
    'notes.zip',
  ])('is not %s', (name) => {
    expect(setOfName(name, 'preprod')).toBeNull();
  });
});
