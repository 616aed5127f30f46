import { beforeEach, expect, test } from 'vitest';
import { tellerInTests } from '../../test/support/teller.js';
import { inTransaction } from '../database/transaction.js';
import { sealAppended } from '../reconcile/seals/sealing.js';

const { under, teller, json } = tellerInTests();
const change = (text: string) => under.database.pool.query(text);
const seal = () =>
  sealAppended(
    {
      pool: under.database.pool,
      signal: new AbortController().signal,
      write: (work) => inTransaction(under.database.pool, (tx) => work(tx, new Date(), null)),
    },
    'audit',
    () => undefined,
  );
const SAY = `insert into audit_log (action, entity_type, entity_id, actor) values ('said', 'x', 'y', 'test')`;

beforeEach(async () => {
  await change('truncate seals, audit_log');
  await change(SAY);
  await seal();
  expect((await teller(['balance', 'verify'])).exitCode).toBe(0);
  await change(SAY);
  await seal();
  expect((await teller(['balance', 'verify'])).exitCode).toBe(0);
});

const LOST = { chain: 'audit', seal: 2 };

test('seals that another hand deleted are told of from what the last verification noted', async () => {
  await change('delete from seals where seal = 2');
  expect(await json('balance', 'verify')).toMatchObject({
    exitCode: 3,
    lines: [{ seals: { notAsNoted: [{ ...LOST, stored: null }] } }],
  });
  await change('delete from seals');
  // A verification that found it notes nothing new.
  expect((await teller(['balance', 'verify'])).exitCode).toBe(3);
});

test('and so are those that a leader made anew, until a person answers for them', async () => {
  await change('delete from seals');
  await seal();
  await seal();
  const { exitCode, out } = await teller(['balance', 'verify']);
  expect(exitCode).toBe(3);
  expect(out).toContain('1 × a seal that is not what was noted of it\n');
  expect(out).toContain('`teller balance accept-seal audit/2 --reason TEXT`');
  const accept = () => teller(['balance', 'accept-seal', 'audit/2', '--reason', 'ticket 78']);
  expect(await accept()).toMatchObject({ exitCode: 0, err: '' });
  expect((await teller(['balance', 'verify'])).exitCode).toBe(0);
  const { rows } = await change(
    "select details from audit_log where action = 'seal.noted' and details ? 'reason'",
  );
  expect(rows).toMatchObject([{ details: { reason: 'ticket 78', insteadOf: LOST } }]);
  expect(await accept()).toMatchObject({ exitCode: 1 });
});

test('an end that was sealed since is none that was lost', async () => {
  await change(SAY);
  await seal();
  expect((await teller(['balance', 'verify'])).exitCode).toBe(0);
});
