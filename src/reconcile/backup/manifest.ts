import { z } from 'zod';
import { BackupError } from './backup-error.js';
import { BACKUP_SETS } from './backup-sets.js';

export const PRODUCT = 'chain-teller';
/** Of the file; a reader refuses what is newer than itself. */
export const FORMAT = 1;
export const MANIFEST_ENTRY = 'manifest.json';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().nonnegative();

const SCHEMA = z.object({
  product: z.literal(PRODUCT),
  format: z.literal(FORMAT),
  version: z.string(),
  network: z.string(),
  set: z.enum(BACKUP_SETS),
  createdAt: z.iso.datetime(),
  /** Applied ones, in their order. */
  migrations: z.array(z.string()),
  /** How far each partition's books were; nulls at the origin. */
  points: z.array(
    z.object({
      partitionId: count,
      slot: count.nullable(),
      hash: z.string().nullable(),
      height: count.nullable(),
      /** The stored state digest at that point. */
      digest: sha256,
    }),
  ),
  /** The newest seal of each chain of seals. */
  seals: z.array(z.object({ chain: z.string(), seal: count, rows: count, hash: sha256 })),
  sequences: z.array(z.object({ name: z.string(), value: z.string().regex(/^\d+$/) })),
  tables: z.array(
    z.object({
      name: z.string().regex(/^[a-z_0-9]+$/),
      columns: z.array(z.string()),
      rows: count,
      bytes: count,
      sha256,
    }),
  ),
  /** Tables in the schema that aren't ours. */
  leftOut: z.array(z.string()),
});

/** What a backup says of itself. */
export type Manifest = Readonly<z.output<typeof SCHEMA>>;
export type BackedUpTable = Manifest['tables'][number];

export const entryOf = (table: string): string => `tables/${table}.copy`;

export const showManifest = (manifest: Manifest): Buffer =>
  Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);

/** What another program wrote was never a manifest of ours, and nobody changed it. @throws BackupError */
export function refuseOtherProduct(text: string, file: string): void {
  readHead(parseJson(text), file);
}

function readHead(parsed: unknown, file: string): { readonly format: number } {
  const head = z.object({ product: z.literal(PRODUCT), format: z.number() }).safeParse(parsed);
  if (head.success) return head.data;
  throw new BackupError(`${file}: isn't a backup of ${PRODUCT}`, 'file');
}

/** @throws BackupError where it isn't one of ours, or is of a later version */
export function parseManifest(text: string, file: string): Manifest {
  const parsed = parseJson(text);
  const { format } = readHead(parsed, file);
  if (format !== FORMAT) {
    throw new BackupError(
      `${file}: is a backup of format ${format}, and this version reads ${FORMAT}: use the version of teller that wrote it, or a later one`,
      'file',
    );
  }
  const manifest = SCHEMA.safeParse(parsed);
  if (manifest.success) return manifest.data;
  const [issue] = manifest.error.issues;
  const where = issue?.path.join('.') ?? '';
  throw new BackupError(`${file}: its manifest can't be read: ${where}: ${issue?.message}`, 'file');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
