import type { Queryable } from '../../database/transaction.js';
import type { SealChain } from '../seals/seal.js';

/** The oldest row without a seal where it should have had one long ago. */
export type OverdueSealing = {
  readonly chain: SealChain;
  /** When that row was written. */
  readonly since: Date;
  /** Whether no row at all is under a seal. */
  readonly areNoneSealed: boolean;
};

/** Dozens of rounds of sealing, and longer than the rows of an upgraded database take. */
const OVERDUE = `
  select chain, since, "areNoneSealed"
    from (
      select 'ledger' as chain, not exists (select from seals where chain = 'ledger') as "areNoneSealed",
             (select created_at from balance_transactions
               where id > coalesce((select max(last_id) from seals where chain = 'ledger'),
                                   '-9223372036854775808'::bigint)
               order by id limit 1) as since
      union all
      select 'audit', not exists (select from seals where chain = 'audit'),
             (select created_at from audit_log
               where id > coalesce((select max(last_id) from seals where chain = 'audit'),
                                   '-9223372036854775808'::bigint)
               order by id limit 1)) as unsealed
   where since < now() - interval '5 minutes'
   order by chain desc`;

export const overdueSealings = async (db: Queryable): Promise<readonly OverdueSealing[]> =>
  (await db.query<OverdueSealing>(OVERDUE)).rows;
