/**
 * What is sealed of a row: all its columns, each with its type and length, as PostgreSQL's binary protocol
 * has them. Two different rows never share it, and no setting of a session for dates, times or numbers
 * changes it, as such settings change text; and it takes two thirds of the time. Text in it is of the
 * client's encoding, which is UTF-8 in every session of the program.
 */
export const LEDGER_BYTES = `
  record_send(row(id, user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion,
                  payout_id, payout_turn, correction_id, created_at))`;
export const AUDIT_BYTES = `
  record_send(row(id, created_at, action, entity_type, entity_id, actor, details))`;
