import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';
import { BackupError } from './backup-error.js';
import {
  type BackedUpTable,
  entryOf,
  MANIFEST_ENTRY,
  type Manifest,
  parseManifest,
  refuseOtherProduct,
} from './manifest.js';
import { commentOf, meter } from './write-archive.js';

export type Archive = {
  readonly file: string;
  readonly manifest: Manifest;
  /** A table's rows as COPY wrote them; fails at its end where they aren't those of the manifest. */
  readonly rowsOf: (table: BackedUpTable) => Promise<Readable>;
  readonly close: () => void;
};

/** Its manifest is sound: its hash is what the archive was closed with. @throws BackupError */
export async function openArchive(file: string): Promise<Archive> {
  const zip = await readingOf(file, () =>
    yauzl.openPromise(file, { lazyEntries: true, autoClose: false }),
  ).catch((error: unknown) => damaged(file, error));
  // Also what it says unasked belongs to the reads below, which fail by themselves.
  zip.on('error', () => undefined);
  try {
    const entries = await readingOf(file, () => entriesOf(zip));
    const read = (name: string) => openEntry(file, zip, entries, name);
    const bytes = await readingOf(file, async () => collect(await read(MANIFEST_ENTRY)));
    refuseOtherProduct(bytes.toString(), file);
    if (zip.comment !== commentOf(bytes)) {
      throw new BackupError(`${file}: its manifest was changed after it was written`, 'file');
    }
    const manifest = parseManifest(bytes.toString(), file);
    refuseOtherEntries(file, manifest, entries);
    return {
      file,
      manifest,
      rowsOf: async (table) => checked(file, table, await read(entryOf(table.name))),
      close: () => zip.close(),
    };
  } catch (error) {
    zip.close();
    return damaged(file, error);
  }
}

/** What its checksum says is plainer than where reading it went wrong. @throws BackupError */
async function damaged(file: string, error: unknown): Promise<never> {
  await checkWholeFile(file);
  throw error;
}

/** Reads all of it and holds it against what it says of itself. @throws BackupError */
export async function verifyArchive(
  archive: Archive,
  onBytes: (bytes: number) => void,
): Promise<void> {
  await checkWholeFile(archive.file);
  for (const table of archive.manifest.tables) {
    const nowhere = new Writable({
      write: (chunk: Buffer, _, done) => {
        onBytes(chunk.length);
        done();
      },
    });
    await readingOf(archive.file, async () => pipeline(await archive.rowsOf(table), nowhere));
  }
}

/** `sha256sum -c` reads it too. */
export const checksumFile = (file: string): string => `${file}.sha256`;
export const checksumLine = (file: string, sha256: string): string =>
  `${sha256}  ${basename(file)}\n`;

/** Where the file with its checksum came along. Without it the archive answers for itself alone. */
async function checkWholeFile(file: string): Promise<void> {
  const line = await readFile(checksumFile(file), 'utf8').catch(ignoreMissing);
  if (line === null) return;
  const hash = createHash('sha256');
  await readingOf(file, () => pipeline(createReadStream(file), hash));
  const found = hash.digest('hex');
  if (line.startsWith(found)) return;
  const noted = line.trim().split(/\s/)[0] ?? '';
  throw new BackupError(
    `${file}: differs from its checksum in ${checksumFile(file)} (SHA-256 ${found}, there ${noted.slice(0, 64)}): it is damaged, or not the file that was written there; take another backup`,
    'file',
  );
}

function ignoreMissing(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
  throw error;
}

async function entriesOf(zip: yauzl.ZipFile): Promise<Map<string, yauzl.Entry>> {
  const entries = new Map<string, yauzl.Entry>();
  for await (const entry of zip.eachEntry()) {
    if (entries.has(entry.fileName)) throw new Error(`${entry.fileName} is in it twice`);
    entries.set(entry.fileName, entry);
  }
  return entries;
}

async function openEntry(
  file: string,
  zip: yauzl.ZipFile,
  entries: ReadonlyMap<string, yauzl.Entry>,
  name: string,
): Promise<Readable> {
  const entry = entries.get(name);
  if (entry !== undefined) return readingOf(file, () => zip.openReadStreamPromise(entry));
  throw new BackupError(`${file}: isn't a backup of chain-teller: it has no ${name}`, 'file');
}

/** What the manifest doesn't name was put there by somebody else. */
function refuseOtherEntries(
  file: string,
  manifest: Manifest,
  entries: ReadonlyMap<string, unknown>,
): void {
  const named = new Set([MANIFEST_ENTRY, ...manifest.tables.map(({ name }) => entryOf(name))]);
  const strangers = [...entries.keys()].filter((name) => !named.has(name));
  if (strangers.length === 0) return;
  throw new BackupError(`${file}: has what its manifest doesn't name: ${strangers.join()}`, 'file');
}

function checked(file: string, table: BackedUpTable, stream: Readable): Readable {
  const part = meter(() => undefined);
  async function* whole(): AsyncGenerator<Buffer> {
    yield* part.pass(stream);
    const { rows, bytes, sha256 } = part.tally();
    if (sha256 === table.sha256 && rows === table.rows && bytes === table.bytes) return;
    throw new BackupError(
      `${file}: ${table.name} isn't what was written there (${rows} rows, ${bytes} bytes; the manifest says ${table.rows} and ${table.bytes}): take another backup`,
      'file',
    );
  }
  return Readable.from(whole(), { objectMode: false });
}

const MANIFEST_BYTES_MAX = 4_000_000;

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    if (!Buffer.isBuffer(chunk)) throw new Error('a stream of bytes gave something else');
    bytes += chunk.length;
    if (bytes > MANIFEST_BYTES_MAX) throw new Error('its manifest is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What zip and zlib say of a damaged file doesn't say which file, nor what to do. */
async function readingOf<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof BackupError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    // What the operating system says names the file once more.
    const reason = message.replace(`, open '${file}'`, '');
    throw new BackupError(`${file}: can't be read as a backup: ${reason}`, 'file');
  }
}
