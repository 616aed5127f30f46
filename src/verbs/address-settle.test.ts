import { userInfo } from 'node:os';
import { expect, test } from 'vitest';
import { enterpriseAddress } from '../../test/support/addresses.js';
import { tellerInTests } from '../../test/support/teller.js';

const { under, teller } = tellerInTests();
const ANN = enterpriseAddress(1);
const settle = (...words: string[]) =>
  teller(['address', 'settle', ANN, '--user', 'ann', '--reason', 'ticket 77', ...words]);

test('a person says whose an address is, once it is disputed, and only then', async () => {
  expect(await settle()).toMatchObject({ exitCode: 1, out: '' });
  await teller(['address', 'add', ANN, '--user', 'ann']);
  const undisputed = await settle();
  expect(undisputed).toMatchObject({ exitCode: 1, out: '' });
  expect(undisputed.err).toContain('it belongs to ann, as it was registered');
  await under.database.pool.query("update payment_addresses set user_id = 'mallory'");

  const { exitCode, out } = await settle('--json');
  expect(exitCode).toBe(0);
  expect(JSON.parse(out)).toEqual({
    settled: true,
    address: ANN,
    userId: 'ann',
    before: { userId: 'mallory', registeredFor: 'ann' },
    by: `operator:${userInfo().username}`,
    reason: 'ticket 77',
  });
  expect((await teller(['address', 'show', ANN, '--json'])).out).toContain('"userId":"ann"');
  expect(await settle()).toMatchObject({ exitCode: 1 });
});

test('whose it was before is told, and what to do next', async () => {
  await teller(['address', 'add', ANN, '--user', 'ann']);
  await under.database.pool.query("update payment_addresses set user_id = 'mallory'");
  const { out } = await settle();
  expect(out).toContain('(in the books mallory, registered for ann)');
  expect(out).toContain('`teller reconcile --repair`');
});

test.each([
  [['--reason', '  '], {}, '--reason: is empty'],
  [['--user', ' ann'], {}, '--user: it has spaces'],
  [[], { HOT_WALLET_ADDRESS: ANN }, 'is the hot wallet'],
])('%j is bad usage under %j', async (words, wallet, why) => {
  const environment = { ...under.environment, ...wallet };
  const given = ['address', 'settle', ANN, '--user', 'ann', '--reason', 'x', ...words];
  const { exitCode, err } = await teller(given, { environment });
  expect(exitCode).toBe(2);
  expect(err).toContain(why);
});
