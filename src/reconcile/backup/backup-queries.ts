import type { Queryable } from '../../database/transaction.js';
import { readCursorProblem } from '../../payments/cursor/cursor-queries.js';
import { problemWords } from '../../payments/cursor/judge-cursor.js';
import { FIRST_DIGEST } from '../../payments/digest/facts.js';
import { SEAL_CHAINS } from '../seals/seal.js';
import { sealHead } from '../seals/seal-queries.js';
import type { BackupSet } from './backup-sets.js';
import type { Manifest } from './manifest.js';

const POINTS = `
  select s.partition_id as "partitionId", s.network, s.last_slot::float8 as slot,
         s.last_block_hash as hash, s.last_block_height::float8 as height,
         coalesce((select d.digest from state_digests d where d.partition_id = s.partition_id
                    order by d.height desc limit 1), $1) as digest
    from sync_state s order by s.partition_id`;

type StoredPoint = Manifest['points'][number] & { readonly network: string };

/** How far the books of each partition are, with their stored digest. */
export const readPoints = async (db: Queryable): Promise<StoredPoint[]> =>
  (await db.query<StoredPoint>(POINTS, [FIRST_DIGEST])).rows;

export const pointOf = ({
  partitionId,
  slot,
  hash,
  height,
  digest,
}: Manifest['points'][number]) => ({
  partitionId,
  slot,
  hash,
  height,
  digest,
});

/** What another hand made of the place where these books end, with what to do. */
export async function readCursorProblems(
  db: Queryable,
  points: readonly Pick<StoredPoint, 'partitionId'>[],
): Promise<string[]> {
  // Where there is no cursor at all, the first partition's may have been lost.
  const partitions = points.length === 0 ? [0] : points.map(({ partitionId }) => partitionId);
  const problems: string[] = [];
  for (const partition of partitions) {
    const problem = await readCursorProblem(db, partition);
    if (problem !== null) problems.push(problemWords(problem));
  }
  return problems;
}

/** The newest seal of each chain that has any, and how many rows its chain covers. */
export async function readSealHeads(db: Queryable): Promise<Manifest['seals']> {
  const heads: Manifest['seals'] = [];
  for (const chain of SEAL_CHAINS) {
    const { seal, rows, hash } = await sealHead(db, chain);
    if (seal > 0) heads.push({ chain, seal, rows, hash });
  }
  return heads;
}

// What a writer that was killed left without an end has one by then.
const BEGIN = `
  with abandoned as (
    update backups set finished_at = $2, problem = 'it was ended before it could say so'
     where kind = $1 and finished_at is null and started_at < $2::timestamptz - interval '1 day'
  )
  insert into backups (kind, started_at) values ($1, $2) returning id`;

export async function noteBegin(db: Queryable, set: BackupSet, at: Date): Promise<string> {
  const { rows } = await db.query<{ id: string }>(BEGIN, [set, at]);
  const [row] = rows;
  if (row === undefined) throw new Error('an insert returned nothing');
  return row.id;
}

const SUCCESS = `
  update backups set finished_at = $2, file = $3, bytes = $4, checksum = $5, slot = $6,
                     block_hash = $7, block_height = $8, digest = $9, problem = $10
   where id = $1`;

export type Finished = {
  readonly at: Date;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly point: Manifest['points'][number] | undefined;
  readonly problems: readonly string[];
};

export const noteSuccess = (
  db: Queryable,
  id: string,
  { at, file, bytes, sha256, point, problems }: Finished,
) =>
  db.query(SUCCESS, [
    id,
    at,
    file,
    bytes,
    sha256,
    point?.slot ?? null,
    point?.hash ?? null,
    point?.height ?? null,
    point?.digest ?? null,
    problems.length === 0 ? null : problems.join('; '),
  ]);

const FAILURE = 'update backups set finished_at = $2, problem = $3 where id = $1';

export const noteFailure = (db: Queryable, id: string, at: Date, problem: string) =>
  db.query(FAILURE, [id, at, problem]);

// By its name, which no other has: the directory may have been moved since.
const DOUBTFUL = `
  select name from (select substring(file from '[^/]*$') as name, problem from backups) as named
   where problem is not null and name = any($1::text[])`;

/** Which of these files were written of books that can't be relied on. */
export const readDoubtful = async (db: Queryable, names: readonly string[]): Promise<string[]> =>
  (await db.query<{ name: string }>(DOUBTFUL, [names])).rows.map(({ name }) => name);
