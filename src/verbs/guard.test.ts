import { userInfo } from 'node:os';
import { beforeEach, expect, test } from 'vitest';
import { tellerInTests } from '../../test/support/teller.js';
import { readClock } from '../database/clock-queries.js';

const { under, teller, json } = tellerInTests();
const SINCE = '2026-01-01T00:00:00.000Z';
const REASON = {
  kind: 'witness',
  witness: 'wss://b.example',
  common: 990,
  ours: 10,
  theirs: 7,
  detail: 'wss://b.example follows another chain',
  since: SINCE,
  released: null,
};

beforeEach(async () => {
  await under.database.pool.query('truncate chain_guard, audit_log');
});

const hold = () =>
  under.database.pool.query(
    `insert into chain_guard (partition_id, held_at, reasons, witnesses) values (0, $1, $2, $3)`,
    [
      SINCE,
      JSON.stringify([REASON]),
      JSON.stringify([
        { witness: 'wss://b.example', agrees: false, verdict: 'forked', heardAt: SINCE },
      ]),
    ],
  );

test('tells that nothing is held where nobody ever watched', async () => {
  expect(await json('guard')).toEqual({
    exitCode: 0,
    lines: [
      {
        held: false,
        since: null,
        reasons: [],
        witnesses: [],
        densityUnknown: null,
        lastRelease: null,
      },
    ],
  });
  expect((await teller(['guard'])).out).toMatch(/^chain held +no\n$/);
  expect((await teller(['guard', 'release', '--reason', 'why not'])).out).toBe(
    'nothing was held\n',
  );
});

test('tells how long ago each witness was heard', async () => {
  await hold();
  const heardAt = new Date(Date.now() - 42_000).toISOString();
  await under.database.pool.query('update chain_guard set witnesses = $1', [
    JSON.stringify([{ witness: 'wss://b.example', agrees: false, verdict: 'forked', heardAt }]),
  ]);
  const { out } = await teller(['guard']);
  expect(out).toMatch(/forked \(heard 4[2-9] s ago, at /);
  expect(out).toContain(heardAt);
});

test('tells that thin hours go unnoticed, and why', async () => {
  await under.database.pool.query(
    "insert into chain_guard (partition_id, density_unknown) values (0, 'no node answers')",
  );
  expect((await teller(['guard'])).out).toMatch(/^thin hours +not told, .*: no node answers$/m);
  expect((await json('status')).lines).toMatchObject([
    { guard: { densityUnknown: 'no node answers' } },
  ]);
});

test('tells what is wrong, here and in the status', async () => {
  await hold();
  expect((await teller(['guard'])).out).toContain(`${REASON.detail} (since ${SINCE})`);
  const { lines } = await json('status');
  expect(lines).toMatchObject([
    { guard: { held: true, since: SINCE, reasons: [REASON.detail].map((detail) => ({ detail })) } },
  ]);
  expect((await teller(['status'])).out).toContain(REASON.detail);
});

test('lets a person release it, once, with name and reason', async () => {
  await hold();
  const { exitCode, lines } = await json('guard', 'release', '--reason', 'explorers agree');
  const by = `operator:${userInfo().username}`;
  const released = { by, why: 'explorers agree' };
  expect({ exitCode, lines }).toMatchObject({
    exitCode: 0,
    lines: [{ released: true, held: false, reasons: [{ released }], lastRelease: { by } }],
  });
  expect((await json('guard', 'release', '--reason', 'again')).lines).toMatchObject([
    { released: false },
  ]);
  const { rows } = await under.database.pool.query('select action, actor, details from audit_log');
  expect(rows).toMatchObject([
    { action: 'guard.released', actor: by, details: { why: 'explorers agree' } },
  ]);
});

test('lets pass only what began before the person looked, and lists it', async () => {
  await hold();
  const later = {
    kind: 'rollback',
    common: 900,
    depth: 60,
    detail: 'the chain went back 60 blocks, to block 900',
    since: '2026-01-01T02:00:00.000Z',
    released: null,
  };
  await under.database.pool.query('update chain_guard set reasons = $1', [
    JSON.stringify([REASON, later]),
  ]);
  const release = ['guard', 'release', '--reason', 'seen'];
  const early = await teller([...release, '--as-of', '2025-12-31T00:00:00Z']);
  expect(early.out).toMatch(/^nothing was let pass; the chain is still held/);
  const { out } = await teller([...release, '--as-of', '2026-01-01T01:00:00Z']);
  expect(out).toMatch(
    /^let pass:\n +wss:.* another chain .*\nthe chain is still held.*\n +.* 60 blocks/,
  );
  expect((await json('guard')).lines).toMatchObject([
    { held: true, reasons: [{ released: { why: 'seen' } }, { released: null }] },
  ]);
  expect((await teller(release)).out).toMatch(
    /^let pass:\n +the chain went back 60 .*\nconfirming/,
  );
});

const databaseTimeIn = async (seconds: number): Promise<string> => {
  const now = await readClock(under.database.pool);
  return new Date(now.getTime() + seconds * 1_000).toISOString();
};

test.each([60, 31_536_000])('refuses a time that is yet to come: in %i s', async (seconds) => {
  await hold();
  const at = await databaseTimeIn(seconds);
  const release = ['guard', 'release', '--reason', 'seen', '--as-of', at];
  const { exitCode, out, err } = await teller(release);
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  expect(err).toMatch(
    /^teller: --as-of: given \S+, which is yet to come \(the database's clock says \S+\); wanted when you looked/,
  );
  expect(err).toContain(`given ${at},`);
  expect(err).toContain('what began since then goes on holding');
  expect((await json('guard')).lines).toMatchObject([
    { held: true, reasons: [{ released: null }] },
  ]);
});

test('takes a time of a clock that is ahead of the database by a moment', async () => {
  await hold();
  const at = await databaseTimeIn(4);
  const { exitCode, lines } = await json('guard', 'release', '--reason', 'seen', '--as-of', at);
  expect({ exitCode, lines }).toMatchObject({ exitCode: 0, lines: [{ released: true }] });
});

test.each([[['guard', 'release']], [['guard', 'release', '--reason', '  ']]])(
  'refuses a release without a reason: %j',
  async (words) => {
    await hold();
    expect(await teller(words)).toMatchObject({ exitCode: 2, out: '' });
  },
);
