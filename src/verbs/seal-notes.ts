import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { openArchive } from '../reconcile/backup/read-archive.js';
import type { OutsideNotes } from '../reconcile/seals/check-seals.js';
import { UsageError } from './terminal.js';

const note = z.object({
  seal: z.number().int().nonnegative(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});
const NOTES = z.union([
  z.object({ ledger: note.optional(), audit: note.optional() }).strict(),
  // What `balance verify --json` said at another time.
  z.object({
    seals: z.object({ chains: z.array(note.extend({ chain: z.enum(['ledger', 'audit']) })) }),
  }),
]);

/** Where an archive begins. */
const ZIP = Buffer.from('PK');

/**
 * The newest seals as they were when a backup was made, or as they were noted elsewhere.
 *
 * @throws UsageError, BackupError
 */
export async function readSealNotes(file: string): Promise<OutsideNotes> {
  const content = await readFile(file).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--against: given ${file}, which can't be read: ${reason}`);
  });
  if (content.subarray(0, ZIP.length).equals(ZIP)) return notesOfBackup(file);
  const parsed = NOTES.safeParse(parseJson(content.toString()));
  if (!parsed.success) {
    throw new UsageError(
      `--against: given ${file}, wanted a backup of teller, what \`teller balance verify --json\` ` +
        'printed, or {"ledger": {"seal": 1, "hash": "…"}, "audit": …}',
    );
  }
  const notes = parsed.data;
  return 'seals' in notes
    ? notesFrom(notes.seals.chains)
    : notesFrom([
        { chain: 'ledger', ...notes.ledger },
        { chain: 'audit', ...notes.audit },
      ]);
}

async function notesOfBackup(file: string): Promise<OutsideNotes> {
  const archive = await openArchive(file);
  archive.close();
  return notesFrom(archive.manifest.seals);
}

type Note = { readonly chain: string; readonly seal?: number; readonly hash?: string };

function notesFrom(notes: readonly Note[]): OutsideNotes {
  const of = (chain: string) => {
    const { seal, hash } = notes.find((one) => one.chain === chain) ?? {};
    return seal === undefined || hash === undefined ? undefined : { seal, hash };
  };
  const ledger = of('ledger');
  const audit = of('audit');
  return { ...(ledger && { ledger }), ...(audit && { audit }) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
