import { expect, test } from 'vitest';
import { tellerInTests } from '../../test/support/teller.js';
import type { ProofEvent } from '../reconcile/model/proof-events.js';
import { verifyNow } from '../reconcile/verify/verify-nightly.js';

const { under, teller, json } = tellerInTests();

const change = (text: string) => under.database.pool.query(text);
const TAKE_AWAY =
  'update payout_control set paused_at = null, paused_by = null, pause_reason = null';

test('a pause that nobody ended and that is gone is told, until a person resumes', async () => {
  await teller(['payout', 'pause', '--reason', 'an audit is under way']);
  expect(await json('balance', 'verify')).toMatchObject({
    exitCode: 0,
    lines: [{ pauseTakenAway: null, totalMismatches: 0 }],
  });
  await change(TAKE_AWAY);
  const { exitCode, out } = await teller(['balance', 'verify']);
  expect(exitCode).toBe(3);
  expect(out).toMatch(/1 × payouts were paused, nobody resumed them, and they are not paused\n/);
  expect(out).toMatch(/operator:\S+ +20\S+Z +an audit is under way\n/);
  expect(out).toContain('1 mismatch. Take a copy of the database first.');
  expect(out).toContain('`teller payout resume` ends it');
  expect(await json('balance', 'verify')).toMatchObject({
    exitCode: 3,
    lines: [{ pauseTakenAway: { reason: 'an audit is under way' }, totalMismatches: 1 }],
  });
  const told: ProofEvent[] = [];
  const { pool } = under.database;
  const observe = (event: ProofEvent) => void told.push(event);
  await verifyNow({ pool, requestedBy: 'schedule', observe, now: () => new Date() });
  expect(told).toMatchObject([
    { type: 'verified', shown: [['pause', { reason: 'an audit is under way' }]] },
  ]);
  expect((await teller(['payout', 'resume'])).out).toBe('payouts go on\n');
  expect(await teller(['balance', 'verify'])).toMatchObject({ exitCode: 0 });
  expect((await teller(['payout', 'resume'])).out).toBe('payouts were not paused\n');
});

test('so is one that went with its row', async () => {
  await teller(['payout', 'pause']);
  await change('delete from payout_control');
  expect(await json('balance', 'verify')).toMatchObject({
    exitCode: 3,
    lines: [{ pauseTakenAway: { reason: null } }],
  });
  await change('insert into payout_control default values');
});
