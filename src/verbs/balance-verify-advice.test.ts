import { expect, test } from 'vitest';
import { handMadeBooks } from '../../test/support/hand-made-books.js';
import { tellerInTests } from '../../test/support/teller.js';

const { under, teller } = tellerInTests();
const change = (text: string) => under.database.pool.query(text);

test.each([
  ["'queued'", "'awaiting_approval'", 'not_approved: ', 'teller payout approve ID'],
  ["'cancelled'", "'queued'", 'not_ended: ', 'is still owed'],
])(
  'a payout said to be %s is told with what to do, which no repair does',
  async (to, accepted, problem, advice) => {
    const { id } = await handMadeBooks(under.database.pool).payout({ userId: null, booked: false });
    await change(
      `update audit_log set details = details || jsonb_build_object('status', ${accepted}::text)`,
    );
    await change(`update outbound_payments set status = ${to} where id = '${id}'`);
    const { exitCode, out } = await teller(['balance', 'verify']);
    await change('delete from outbound_payments');
    expect(exitCode).toBe(3);
    expect(out).toContain(`${problem}No repair changes a payout`);
    expect(out).toContain(advice);
    expect(out).not.toContain('--repair');
  },
);
