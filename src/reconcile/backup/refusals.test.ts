import { copyFile, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import yauzl from 'yauzl';
import yazl from 'yazl';
import { backUp, folderInTests, restoreInto, tablesIn } from '../../../test/support/backups.js';
import { createEmptyDatabase, createTestDatabase } from '../../../test/support/database.js';
import { fillEveryTable } from '../../../test/support/every-table.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { commentOf } from './write-archive.js';

type Entries = Map<string, Buffer>;

const folder = folderInTests();
let original: TestDatabase;
let empty: TestDatabase;
let good: string;
let older: string;
beforeAll(async () => {
  original = await createTestDatabase();
  await fillEveryTable(original.pool);
  empty = await createEmptyDatabase();
  older = (await backUp(original, folder.path)).file;
  await original.pool.query("insert into user_balances values ('zoe', 'lovelace', 1, 0, 0)");
  good = (await backUp(original, folder.path)).file;
});
afterAll(async () => {
  await original.drop();
  await empty.drop();
});

async function unpack(file: string): Promise<Entries> {
  const zip = await yauzl.openPromise(file, { lazyEntries: true, autoClose: false });
  const entries: Entries = new Map();
  for await (const entry of zip.eachEntry()) {
    const stream = await zip.openReadStreamPromise(entry);
    entries.set(entry.fileName, await buffer(stream));
  }
  zip.close();
  return entries;
}

/** A sound archive of these, as somebody makes who knows how. */
async function pack(name: string, entries: Entries, comment?: string): Promise<string> {
  const zip = new yazl.ZipFile();
  for (const [path, content] of entries) zip.addBuffer(content, path);
  const manifest = entries.get('manifest.json') ?? Buffer.alloc(0);
  zip.end({ comment: comment ?? commentOf(manifest), forceZip64Format: false });
  const file = join(folder.path, name);
  await writeFile(file, await buffer(zip.outputStream));
  return file;
}

const BALANCES = 'tables/user_balances.copy';

type Fields = Record<string, unknown> & { tables: Record<string, unknown>[] };

/** With a manifest that says something else, and an archive that answers for it. */
async function withManifest(name: string, change: (manifest: Fields) => void): Promise<string> {
  const entries = await unpack(good);
  const manifest = JSON.parse(entries.get('manifest.json')?.toString() ?? '') as Fields;
  change(manifest);
  return pack(name, entries.set('manifest.json', Buffer.from(JSON.stringify(manifest))));
}

describe('a file', () => {
  const damaged: readonly (readonly [what: string, make: () => Promise<string>, says: RegExp])[] = [
    [
      'that was cut off',
      async () => {
        const file = join(folder.path, 'cut.zip');
        await copyFile(good, file);
        await truncate(file, (await readFile(good)).length - 100);
        return file;
      },
      /cut\.zip: can't be read as a backup: /,
    ],
    [
      'that was cut off, beside its checksum',
      async () => {
        const file = join(folder.path, 'short.zip');
        await copyFile(good, file);
        await copyFile(`${good}.sha256`, `${file}.sha256`);
        await truncate(file, (await readFile(good)).length - 100);
        return file;
      },
      /short\.zip: differs from its checksum in .*short\.zip\.sha256/,
    ],
    [
      'with one byte changed',
      async () => {
        const file = join(folder.path, 'byte.zip');
        const content = await readFile(good);
        content[Math.floor(content.length / 3)]! ^= 0x40;
        await writeFile(file, content);
        // A date in the archive's own directory is nothing that it answers for by itself.
        await copyFile(`${good}.sha256`, `${file}.sha256`);
        return file;
      },
      /byte\.zip: differs from its checksum/,
    ],
    [
      'that differs from its checksum beside it',
      async () => {
        const file = join(folder.path, 'swapped.zip');
        await copyFile(older, file);
        await copyFile(`${good}.sha256`, `${file}.sha256`);
        return file;
      },
      /differs from its checksum in .*swapped\.zip\.sha256 \(SHA-256 [0-9a-f]{64}, there [0-9a-f]{64}\)/,
    ],
    [
      'in which a table was edited',
      async () => {
        const entries = await unpack(good);
        const text = entries.get(BALANCES)?.toString() ?? '';
        expect(text).toContain('zoe\tlovelace\t1\t');
        return pack(
          'edited.zip',
          entries.set(
            BALANCES,
            Buffer.from(text.replace('zoe\tlovelace\t1\t', 'zoe\tlovelace\t9\t')),
          ),
        );
      },
      /user_balances isn't what was written there/,
    ],
    [
      'in which a table is that of another backup',
      async () => {
        const entries = await unpack(good);
        const other = (await unpack(older)).get(BALANCES) ?? Buffer.alloc(0);
        return pack('mixed.zip', entries.set(BALANCES, other));
      },
      /user_balances isn't what was written there \(1 rows/,
    ],
    [
      'that lacks a table',
      async () => {
        const entries = await unpack(good);
        entries.delete(BALANCES);
        return pack('lacking.zip', entries);
      },
      /it has no tables\/user_balances\.copy/,
    ],
    [
      'with something that its manifest does not name',
      async () =>
        pack('more.zip', (await unpack(good)).set('tables/more.copy', Buffer.from('1\n'))),
      /has what its manifest doesn't name: tables\/more\.copy/,
    ],
    [
      'whose manifest was edited',
      async () => {
        const entries = await unpack(good);
        const comment = commentOf(entries.get('manifest.json') ?? Buffer.alloc(0));
        const text = entries.get('manifest.json')?.toString() ?? '';
        const edited = Buffer.from(text.replace('preprod', 'preview'));
        return pack('told.zip', entries.set('manifest.json', edited), comment);
      },
      /its manifest was changed after it was written/,
    ],
    [
      'whose manifest names another digest',
      () =>
        withManifest('digest.zip', (manifest) => {
          Object.assign((manifest.points as object[])[0] ?? {}, { digest: 'f'.repeat(64) });
        }),
      /point or state digest aren't those that its manifest names/,
    ],
    [
      'whose manifest names other seals',
      () =>
        withManifest('seals.zip', (manifest) => {
          Object.assign((manifest.seals as object[])[0] ?? {}, { hash: 'f'.repeat(64) });
        }),
      /the newest seals of ledger and audit log aren't those/,
    ],
    [
      'that lacks a table, and whose manifest does not name it either',
      async () => {
        const entries = await unpack(good);
        entries.delete(BALANCES);
        const manifest = JSON.parse(entries.get('manifest.json')?.toString() ?? '') as Fields;
        manifest.tables = manifest.tables.filter(({ name }) => name !== 'user_balances');
        return pack(
          'signed.zip',
          entries.set('manifest.json', Buffer.from(JSON.stringify(manifest))),
        );
      },
      /signed\.zip: its manifest's tables aren't those of a backup of the set all \(it lacks user_balances\)/,
    ],
    [
      'whose manifest names a sequence that no number is',
      () =>
        withManifest('sequence.zip', (manifest) => {
          Object.assign((manifest.sequences as object[])[0] ?? {}, { value: '9'.repeat(30) });
        }),
      /sequence\.zip: its sequences break the rules of the tables \(.*out of range for type bigint/,
    ],
    [
      'that has a manifest of something else',
      async () => {
        const name = Buffer.from('{"name": "a web page", "start_url": "/"}');
        return pack('page.zip', new Map([['manifest.json', name]]), '');
      },
      /page\.zip: isn't a backup of chain-teller/,
    ],
    [
      'of another product',
      () =>
        withManifest('product.zip', (manifest) => {
          manifest.product = 'chain-trader';
        }),
      /product\.zip: isn't a backup of chain-teller/,
    ],
    [
      'of a later format',
      () =>
        withManifest('format.zip', (manifest) => {
          manifest.format = 2;
        }),
      /is a backup of format 2, and this version reads 1/,
    ],
    [
      'of a newer schema',
      () =>
        withManifest('newer.zip', (manifest) => {
          manifest.version = '9.0.0';
          manifest.migrations = [...(manifest.migrations as string[]), '0999_later'];
        }),
      /its schema is newer than this version of teller \(0999_later\): restore it with teller 9\.0\.0/,
    ],
    [
      'of an older schema',
      () =>
        withManifest('older.zip', (manifest) => {
          manifest.migrations = (manifest.migrations as string[]).slice(0, -1);
        }),
      /its schema is older than this version .* restore it with teller 0\.0\.0, which wrote it, and then run `teller migrate`/,
    ],
    [
      'that is no archive',
      async () => {
        const file = join(folder.path, 'text.zip');
        await writeFile(file, 'backup');
        return file;
      },
      /text\.zip: can't be read as a backup/,
    ],
  ];

  test.each(damaged)('%s is refused before anything is written', async (_, make, says) => {
    const file = await make();
    await expect(restoreInto(empty, file)).rejects.toThrow(says);
    // Only the comparison with the manifest needs the rows, and leaves none of them.
    const tables = await tablesIn(empty.pool);
    if (tables.length === 0) return;
    const { rows } = await empty.pool.query('select 1 from user_balances');
    expect(rows).toEqual([]);
  });

  test('of another network is refused, and the setting is named', async () => {
    await expect(restoreInto(empty, good, 'mainnet')).rejects.toMatchObject({
      fault: 'setting',
      message: `NETWORK: given mainnet, but ${good} is a backup of preprod`,
    });
  });

  test('that came alone is taken: it answers for itself', async () => {
    const alone = join(folder.path, 'alone');
    await mkdir(alone);
    await copyFile(good, join(alone, 'renamed.zip'));
    const target = await createEmptyDatabase();
    await restoreInto(target, join(alone, 'renamed.zip'));
    const { rows } = await target.pool.query("select 1 from user_balances where user_id = 'zoe'");
    expect(rows).toHaveLength(1);
    await target.drop();
  });
});
