import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { folderInTests } from '../../test/support/backups.js';
import { tellerInTests } from '../../test/support/teller.js';
import { inTransaction } from '../database/transaction.js';
import { sealAppended } from '../reconcile/seals/sealing.js';

const folder = folderInTests();
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

test('what only a file noted is told as that, and advised to be accepted is what can be', async () => {
  const file = join(folder.path, 'note.json');
  await writeFile(file, JSON.stringify({ audit: { seal: 1, hash: 'a'.repeat(64) } }));
  const verify = () => teller(['balance', 'verify', '--against', file]);
  const outside = await verify();
  expect(outside.exitCode).toBe(3);
  expect(outside.out).toMatch(/audit +1 +outside +a{64}/);
  expect(outside.out).toContain('nobody can accept here');
  expect(outside.out).not.toContain('accept-seal');
  const refused = await teller(['balance', 'accept-seal', 'audit/1', '--reason', 'ticket 78']);
  expect(refused).toMatchObject({ exitCode: 1 });
  await change('delete from seals where seal = 2');
  const both = (await verify()).out;
  expect(both).toMatch(/audit +2 +audit log +/);
  expect(both).toContain('`teller balance accept-seal audit/2 --reason TEXT`');
  const accept = ['balance', 'accept-seal', 'audit/2', '--reason', 'ticket 78'];
  expect(await teller(accept)).toMatchObject({ exitCode: 0 });
});

test('an end that was sealed since is none that was lost', async () => {
  await change(SAY);
  await seal();
  expect((await teller(['balance', 'verify'])).exitCode).toBe(0);
});
