/**
 * What is sealed of a row: all its columns, as text that no session's settings change (a time is the
 * seconds since 1970) and that two different rows never share: PostgreSQL quotes what it must.
 */
export const LEDGER_LINE = `
  row(id, user_id, unit, bucket, type, amount, reason, tx_hash, output_index, inclusion, payout_id,
      payout_turn, correction_id, extract(epoch from created_at))::text`;
export const AUDIT_LINE = `
  row(id, extract(epoch from created_at), action, entity_type, entity_id, actor, details)::text`;
