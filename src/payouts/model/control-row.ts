/** Another hand changed the one row of `payout_control`; the message says what, and what to do. */
export class ControlSpoilt extends Error {
  override readonly name = 'ControlSpoilt';
}

/**
 * A pause, a hold and the reasons for both went with the row. It comes back with both: the pause is for a person
 * to end, and the hold outlasts all that was signed, as one that is lost may have had to.
 */
const PUT_BACK =
  'insert into payout_control (paused_at, paused_by, pause_reason, held_at, hold_reason, fence_generation) ' +
  "select now(), 'operator', 'its row was lost', now(), 'its row was lost', coalesce(max(generation), 0) " +
  'from payout_batches';

export const controlLost = (): ControlSpoilt =>
  new ControlSpoilt(
    'the table payout_control has lost its only row, without which nobody knows whether payouts are paused ' +
      `or held: nothing is paid. Put it back, paused and held: \`${PUT_BACK}\`. Then look for why payouts were ` +
      "paused before (`select * from audit_log where action like 'payout.%' order by id desc limit 20`), and once " +
      'that is settled, `teller payout resume`. Payouts go on half a day later, or soon after `teller payout fence`',
  );

export const LAST_EPOCH = '9223372036854775807';

export const epochsExhausted = (): ControlSpoilt =>
  new ControlSpoilt(
    `payer_epoch in payout_control is ${LAST_EPOCH}, and no later term can begin: nothing is signed. Another hand ` +
      'wrote it: `update payout_control set payer_epoch = 1, payer_token = null`; payouts then go on by themselves',
  );
