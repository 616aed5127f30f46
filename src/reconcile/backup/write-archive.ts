import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import yazl from 'yazl';
import { entryOf, MANIFEST_ENTRY } from './manifest.js';

/** What went into one entry. */
export type Tally = { readonly rows: number; readonly bytes: number; readonly sha256: string };

export type ArchiveWriter = {
  /** Writes a table's text to its end before it answers: COPY has one connection. */
  readonly add: (table: string, text: Readable) => Promise<Tally>;
  /** Writes the manifest, which the archive's comment answers for. @returns the whole file's hash */
  readonly finish: (
    manifest: Buffer,
  ) => Promise<{ readonly bytes: number; readonly sha256: string }>;
  /** After a failure: lets go of everything. */
  readonly abandon: () => Promise<void>;
};

const OPTIONS = { mode: 0o600, compress: true } as const;

export const commentOf = (manifest: Buffer): string =>
  `manifest sha256 ${createHash('sha256').update(manifest).digest('hex')}`;

/** @param onRows told of rows as they are written */
export function writeArchive(
  handle: FileHandle,
  createdAt: Date,
  onRows: (rows: number) => void,
): ArchiveWriter {
  const zip = new yazl.ZipFile();
  const whole = meter(() => undefined);
  const output = Readable.from(whole.pass(zip.outputStream), { objectMode: false });
  // It closes the file as well, once all of it is on the disk.
  const written = pipeline(output, handle.createWriteStream({ flush: true }));
  // A disk that is full is told to whoever waits for an entry; unheard it would end the process.
  written.catch(() => undefined);
  const failed = new Promise<never>((_, reject) => {
    zip.on('error', reject);
    written.catch(reject);
  });
  failed.catch(() => undefined);
  const options = { ...OPTIONS, mtime: createdAt };
  return {
    add: async (table, text) => {
      // It may fail before anybody reads it, and is told to whoever does; unheard it would end the process.
      text.on('error', () => undefined);
      const part = meter(onRows);
      const entry = Readable.from(part.pass(text), { objectMode: false });
      zip.addReadStreamLazy(entryOf(table), options, (give) => give(null, entry));
      try {
        await Promise.race([finished(entry), failed]);
      } catch (error) {
        text.destroy();
        throw error;
      }
      return part.tally();
    },
    finish: async (manifest) => {
      zip.addBuffer(manifest, MANIFEST_ENTRY, options);
      zip.end({ comment: commentOf(manifest), forceZip64Format: false });
      await Promise.race([written, failed]);
      return whole.tally();
    },
    abandon: async () => {
      // Between two entries nothing comes any more: only its end wakes who waits for it.
      if (zip.outputStream instanceof Readable) zip.outputStream.destroy();
      output.destroy();
      await written.catch(() => undefined);
    },
  };
}

const NEWLINE = 10;

/** Counts and hashes what flows through; in COPY's text every row is a line. */
export function meter(onRows: (rows: number) => void) {
  const hash = createHash('sha256');
  let bytes = 0;
  let rows = 0;
  async function* pass(source: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      if (!Buffer.isBuffer(chunk)) throw new Error('a stream of bytes gave something else');
      hash.update(chunk);
      bytes += chunk.length;
      const lines = linesIn(chunk);
      rows += lines;
      onRows(lines);
      yield chunk;
    }
  }
  return { pass, tally: (): Tally => ({ rows, bytes, sha256: hash.digest('hex') }) };
}

function linesIn(chunk: Buffer): number {
  let lines = 0;
  for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}
