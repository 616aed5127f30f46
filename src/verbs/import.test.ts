import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { enterpriseAddress } from '../../test/support/addresses.js';
import { tellerInTests } from '../../test/support/teller.js';

const { under, teller, json } = tellerInTests();
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'teller-import-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('importing', () => {
  const HEADER = 'address,user_id,reference_type,reference_id';
  const file = (...lines: string[]): string => {
    const path = join(folder, 'addresses.csv');
    writeFileSync(path, lines.join('\n'));
    return path;
  };
  const importing = (...lines: string[]) => teller(['address', 'import', file(...lines)]);

  test('good rows are registered, bad ones told with their line', async () => {
    await teller(['address', 'add', enterpriseAddress(3), '--user', 'bob']);
    const { exitCode, out, err } = await importing(
      HEADER,
      `${enterpriseAddress(1)},ann,order,7`,
      `${enterpriseAddress(2)},"ann, the\nsecond",,`,
      'nonsense,"ann\nthe third",,',
      '',
      `${enterpriseAddress(3)},ann,,`,
      enterpriseAddress(4),
      `${enterpriseAddress(5)},,,`,
      `${enterpriseAddress(1)},ann,order,7`,
    );
    expect(exitCode).toBe(1);
    expect(out).toBe('2 new, 1 known already, 1 in conflict, 3 invalid\n');
    const told = err.split('\n').map((line) => line.slice(0, 8));
    expect(told).toEqual(['line 5: ', 'line 8: ', 'line 9: ', 'line 10:', '']);
    const { rows } = await under.database.pool.query(
      'select count(*)::int as n from payment_addresses',
    );
    expect(rows).toEqual([{ n: 3 }]);
  });

  test('with --backfill asks for the past of all of them', async () => {
    const path = file(HEADER, `${enterpriseAddress(901)},ann,,`, `${enterpriseAddress(902)},bob,,`);
    const { exitCode } = await teller(['address', 'import', path, '--backfill']);
    expect(exitCode).toBe(0);
    const { rows } = await under.database.pool.query(
      'select backfill from payment_addresses where address = any($1)',
      [[enterpriseAddress(901), enterpriseAddress(902)]],
    );
    expect(rows).toEqual([{ backfill: true }, { backfill: true }]);
  });

  test('a clean file ends with 0, in any order of columns and with a byte order mark', async () => {
    const again = [
      '\ufeffUSER_ID,address',
      `ann,${enterpriseAddress(1)}`,
      `bob,${enterpriseAddress(2)}`,
    ];
    expect(await importing(...again)).toEqual({
      exitCode: 0,
      out: '2 new, 0 known already, 0 in conflict, 0 invalid\n',
      err: '',
    });
    expect((await importing(...again)).out).toContain('0 new, 2 known');
  });

  test('--json streams problems and ends with the sums', async () => {
    const path = file(HEADER, `${enterpriseAddress(1)},ann,,`, 'x,ann,,');
    expect(await json('address', 'import', path)).toEqual({
      exitCode: 1,
      lines: [
        expect.objectContaining({ line: 3, address: 'x', outcome: 'invalid' }),
        { summary: { created: 1, exists: 0, conflict: 0, invalid: 1 } },
      ],
    });
  });

  test('25,000 rows go in batches', async () => {
    const rows = Array.from(
      { length: 25_000 },
      (_, seed) => `${enterpriseAddress(seed)},user-${seed % 9},,`,
    );
    expect((await importing(HEADER, ...rows)).out).toContain('25000 new');
    const { rows: found } = await under.database.pool.query(
      'select count(distinct xmin::text)::int as n from payment_addresses',
    );
    expect(found).toEqual([{ n: 3 }]);
  });

  test.each([
    ['an empty file', [''], 'is empty'],
    ['another header', ['address;user_id'], 'wanted address,user_id'],
    ['an unknown column', ['address,user_id,colour'], 'wanted address,user_id'],
    ['a quote that is never closed', [HEADER, `"${enterpriseAddress(1)},ann,,`], 'line 2'],
  ])('%s is refused with 2', async (_, lines, why) => {
    const { exitCode, err } = await importing(...lines);
    expect(exitCode).toBe(2);
    expect(err).toContain(why);
  });
});
