import { afterAll, beforeAll, expect, test } from 'vitest';
import { backUp, folderInTests, restoreInto, rowsIn } from '../../../test/support/backups.js';
import { shapeOf } from '../../../test/support/catalog-shape.js';
import { createTestDatabase } from '../../../test/support/database.js';
import { fillEveryTable } from '../../../test/support/every-table.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { BackupError } from './backup-error.js';
import { tablesOf } from './backup-sets.js';

const folder = folderInTests();
let target: TestDatabase;
let shape: string[];
beforeAll(async () => {
  target = await createTestDatabase();
  shape = await shapeOf(target.pool);
});
afterAll(() => target.drop());

const HEX = "repeat('f', 64)";
const AGAIN = `
  insert into balance_transactions (user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion)
  select 'ann', 'lovelace', 'available', 'credit', 1, 'twice', ${HEX}, 0, 1 from generate_series(1, 2)`;

/** What another hand does to a database, and what the backup that is made of it then breaks. */
const BROKEN: readonly (readonly [what: string, damage: string, says: RegExp])[] = [
  [
    'a row that is there twice',
    `alter table user_balances drop constraint user_balances_pkey;
     insert into user_balances select 'ann', 'doge', 1, 0, 0 from generate_series(1, 2)`,
    /could not create unique index "user_balances_pkey"; user_balances: Key \(user_id, unit\)=\(ann, doge\) is duplicated/,
  ],
  [
    'two rows with what only one may have',
    `alter table outbox drop constraint outbox_event_key_key;
     insert into outbox (type, event_key, data) select 'x', 'same', '{}' from generate_series(1, 2)`,
    /unique index "outbox_event_key_key"; outbox: Key \(event_key\)=\(same\) is duplicated/,
  ],
  [
    'money that was booked twice',
    `drop index balance_transactions_once; ${AGAIN}`,
    /unique index "balance_transactions_once"; balance_transactions: /,
  ],
  [
    'a row that refers to nothing',
    `set local session_replication_role = 'replica';
     delete from payment_addresses where address = 'addr_test1a'`,
    /violates foreign key constraint "incoming_payments_address_fkey"; incoming_payments: Key \(address\)=\(addr_test1a\) is not present in table "payment_addresses"/,
  ],
  [
    'a value that none may have',
    `alter table state_digests drop constraint state_digests_facts_check;
     insert into state_digests values (0, 7, 0, ${HEX}, ${HEX})`,
    /violates check constraint "state_digests_facts_check"; state_digests: Failing row contains/,
  ],
  [
    'nothing where a value must be',
    `alter table schedules alter column last_due drop not null;
     insert into schedules (name) values ('never')`,
    /null value in column "last_due" of relation "schedules" violates not-null constraint; schedules: Failing row/,
  ],
  [
    'a value of another kind',
    `alter table schedules alter column attempt type text;
     insert into schedules (name, last_due, attempt) values ('odd', now(), 'twice')`,
    /invalid input syntax for type integer: "twice"; COPY schedules, line \d+, column attempt: "twice"/,
  ],
];

test.each(BROKEN)('a backup with %s is refused, and leaves nothing', async (_, damage, says) => {
  const original = await createTestDatabase();
  await fillEveryTable(original.pool);
  // One text is one transaction.
  await original.pool.query(damage);
  const { file } = await backUp(original, folder.path);
  await original.drop();
  const refusal = await restoreInto(target, file).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(BackupError);
  expect(refusal).toMatchObject({ fault: 'file', message: expect.stringMatching(says) as string });
  expect(refusal).toMatchObject({
    message: expect.stringContaining(`${file}: its rows break the rules of the tables`) as string,
  });
  expect(await shapeOf(target.pool)).toEqual(shape);
  for (const { name } of tablesOf('all')) {
    const seeded = name === 'payout_control' || name === 'schema_compatibility' ? 1 : 0;
    expect(await rowsIn(target.pool, name), name).toHaveLength(seeded);
  }
});
