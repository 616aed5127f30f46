import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Lovelace } from '../chain/block.js';
import { ConfigError } from '../config.js';

/** What was signed away, kept so that a restart forgets nothing of the last 24 hours. */
export type Journal = {
  /** What left by transactions signed in the 24 hours before `now`, this one aside. */
  signedToday(now: Date, exceptId: string): Lovelace;
  /** Resolves once it is on the disk. The same id again is the same signature, and counts once. */
  record(entry: JournalEntry): Promise<void>;
  close(): Promise<void>;
};

export type JournalEntry = {
  readonly id: string;
  readonly at: Date;
  readonly leaving: Lovelace;
};

const DAY_MS = 86_400_000;

const LINE = z.strictObject({
  at: z.iso.datetime(),
  id: z.string().regex(/^[0-9a-f]{64}$/),
  leavingLovelace: z.string().regex(/^\d{1,20}$/),
});

/**
 * One JSON object a line, only ever appended to. Without a path: remembered until the process ends.
 *
 * @throws ConfigError where the file can't be relied on, so that nothing may be signed
 */
export async function openJournal(path: string | null): Promise<Journal> {
  const kept = path === null ? null : await openFile(path);
  const entries = new Map((kept?.entries ?? []).map((entry) => [entry.id, entry]));
  return {
    signedToday(now, exceptId) {
      let sum = 0n;
      for (const [id, { at, leaving }] of entries) {
        // An entry from the future counts as well: the clock may have been set back.
        if (at.getTime() <= now.getTime() - DAY_MS) entries.delete(id);
        else if (id !== exceptId) sum += leaving;
      }
      return sum;
    },
    async record(entry) {
      if (entries.has(entry.id)) return;
      await kept?.append(showLine(entry));
      entries.set(entry.id, entry);
    },
    close: () => kept?.close() ?? Promise.resolve(),
  };
}

const showLine = ({ id, at, leaving }: JournalEntry): string =>
  `${JSON.stringify({ at: at.toISOString(), id, leavingLovelace: leaving.toString() })}\n`;

async function openFile(path: string) {
  const file = await open(path, 'a+', 0o600).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no reason';
    throw new ConfigError([`--journal: ${path} can't be opened for writing (${code})`]);
  });
  try {
    const text = await file.readFile('utf8');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    const entries = readEntries(path, whole);
    // A line without its end was being written when the machine stopped: nothing was answered for it.
    if (whole.length < text.length) await file.truncate(Buffer.byteLength(whole));
    await file.sync();
    await syncFolder(path);
    return { entries, ...appender(file, path, Buffer.byteLength(whole)) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The file's name is in its folder, which has to reach the disk too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r');
  await folder.sync().finally(() => folder.close());
}

function readEntries(path: string, text: string): JournalEntry[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line, index) => {
    const result = LINE.safeParse(parseJson(line));
    if (!result.success) {
      throw new ConfigError([
        `--journal: ${path}, line ${index + 1} is none of ours: repair it, or begin another file`,
      ]);
    }
    const { at, id, leavingLovelace } = result.data;
    return { id, at: new Date(at), leaving: BigInt(leavingLovelace) };
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function appender(file: FileHandle, path: string, bytesAtStart: number) {
  let bytes = bytesAtStart;
  let broken = false;
  return {
    async append(line: string): Promise<void> {
      const { size } = await file.stat();
      // Two signers on one file would each allow a day's limit.
      if (broken || size !== bytes) {
        throw new Error(`${path}: was written to by somebody else, or a write failed: restart`);
      }
      broken = true;
      await file.appendFile(line);
      await file.datasync();
      bytes += Buffer.byteLength(line);
      broken = false;
    },
    close: () => file.close(),
  };
}
