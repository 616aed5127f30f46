import type { Queryable } from '../../database/transaction.js';
import { REGISTERED } from '../../payments/registration-audit.js';

const ABSENT = `
  select exists (
    select from audit_log l
     where ${REGISTERED} and l.entity_id is distinct from $1
       and not exists (select from payment_addresses a where a.address = l.entity_id)) as absent`;

/** Whether an address that was registered is missing from the books: nobody knows then what they must have. */
export const areAddressesAbsent = async (
  db: Queryable,
  hotWallet: string | null,
): Promise<boolean> =>
  (await db.query<{ absent: boolean }>(ABSENT, [hotWallet])).rows[0]?.absent === true;
