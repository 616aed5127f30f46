import type { Queryable } from '../database/transaction.js';

/** Who leads a partition. Null is what its session doesn't tell: that of an older version, or of another hand. */
export type Leader = {
  /** `run`, or what leads because no instance did: `rebuild`, `reconcile`, `restore`. */
  readonly verb: string | null;
  readonly pid: number | null;
  /** Without its domain; of a long name only the end, after a `~`. */
  readonly host: string | null;
};

export const LEADER_LOCK_CLASS = 0x6c656164; // "lead"

/** Of a lock's session; what follows it tells who holds it. */
export const LOCK_SESSION = 'chain-teller leader lock';

/** PostgreSQL keeps no more of `application_name`. */
const NAME_BYTES_MAX = 63;

export function leaderSession(verb: string, pid: number, fullHost: string): string {
  const who = `${LOCK_SESSION} ${verb} ${pid}@`;
  const [host = ''] = fullHost.split('.');
  const room = NAME_BYTES_MAX - who.length;
  return who + (host.length <= room ? host : `~${host.slice(1 - room)}`);
}

const OF_LEADER = new RegExp(`^${LOCK_SESSION} (?<verb>\\S+) (?<pid>\\d{1,10})@(?<host>.*)$`);
/** Who restores holds the lock so that nobody leads. */
const OF_VERB = /^teller (?<verb>\S+)$/;

function leaderOf(session: string): Leader {
  const { verb, pid, host } = (OF_LEADER.exec(session) ?? OF_VERB.exec(session))?.groups ?? {};
  return {
    verb: verb ?? null,
    pid: pid === undefined ? null : Number(pid),
    host: host === undefined || host === '' ? null : host,
  };
}

// Another role's sessions have no name for those who may not see it.
const READ = `
  select coalesce(a.application_name, '') as session
    from pg_locks l left join pg_stat_activity a using (pid)
   where l.locktype = 'advisory' and l.granted and l.classid = $1::int::oid and l.objid = $2::int::oid
     and l.objsubid = 2 and l.database = (select oid from pg_database where datname = current_database())`;

/** Null where nobody leads. */
export async function readLeader(db: Queryable, partitionId: number): Promise<Leader | null> {
  const { rows } = await db.query<{ session: string }>(READ, [LEADER_LOCK_CLASS, partitionId]);
  const [row] = rows;
  return row === undefined ? null : leaderOf(row.session);
}
