import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tablesIn } from '../../../test/support/backups.js';
import { createTestDatabase } from '../../../test/support/database.js';
import type { TestDatabase } from '../../../test/support/test-databases.js';
import { inOrderOfReferences, TABLE_POLICIES, tablesOf } from './backup-sets.js';

describe('what is backed up', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  test('is decided for every table that the migrations make, and for no other', async () => {
    expect(Object.keys(TABLE_POLICIES).sort()).toEqual((await tablesIn(database.pool)).sort());
  });

  test('holds no column whose name says that a key or a password is in it', async () => {
    const { rows } = await database.pool.query<{ column: string }>(
      `select table_name || '.' || column_name as column from information_schema.columns
        where table_schema = 'public'
          and column_name ~ '(secret|password|private|signing|mnemonic|seed|skey|xprv|_key)'`,
    );
    // The first makes an event the same event, the others are what a client calls its requests and itself.
    expect(rows.map(({ column }) => column).sort()).toEqual([
      'outbound_payments.api_key',
      'outbound_payments.idempotency_key',
      'outbox.event_key',
    ]);
  });

  test('is all of every kept table, without the rows that the chain gives back where only what is critical is', () => {
    const names = (set: 'all' | 'critical') => tablesOf(set).map(({ name }) => name);
    expect(names('all')).toEqual(expect.arrayContaining(names('critical')));
    expect(tablesOf('all').filter(({ where }) => where !== null)).toEqual([]);
    const parts = tablesOf('critical').filter(({ where }) => where !== null);
    expect(parts.map(({ name }) => name)).toEqual(['incoming_payments']);
    expect(tablesOf('addresses')).toEqual([
      { name: 'payment_addresses', where: null },
      { name: 'payout_id_fingerprint', where: null },
    ]);
  });
});

describe('the order of tables', () => {
  const references = [
    { from: 'child', to: 'parent' },
    { from: 'grandchild', to: 'child' },
    { from: 'child', to: 'child' },
    { from: 'stranger', to: 'elsewhere' },
  ];

  test('has parents before children', () => {
    expect(inOrderOfReferences(['grandchild', 'child', 'parent', 'stranger'], references)).toEqual([
      'parent',
      'stranger',
      'child',
      'grandchild',
    ]);
  });

  test('is refused where tables refer to each other in a circle', () => {
    const circle = [...references, { from: 'parent', to: 'grandchild' }];
    expect(() => inOrderOfReferences(['grandchild', 'child', 'parent'], circle)).toThrow(
      'tables refer to each other: grandchild, child, parent',
    );
  });
});
