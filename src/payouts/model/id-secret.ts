import { createHmac } from 'node:crypto';
import type { Pool } from 'pg';
import { ConfigError, type Secret } from '../../config.js';
import { inTransaction, type Queryable } from '../../database/transaction.js';
import { audit } from './books-queries.js';
import {
  hasPayouts,
  newestIds,
  noteFingerprint,
  readFingerprint,
  replaceFingerprint,
} from './id-secret-queries.js';
import { payoutId } from './identity.js';

/** No payout's id is made of it: those are made of JSON. */
const FIXED_TEXT = 'chain-teller: which PAYOUT_ID_SECRET is this';
const FINGERPRINT_BYTES = 8;

/** Tells one secret from another, and gives neither away. */
export const fingerprintOf = (secret: Secret): string =>
  createHmac('sha256', secret.reveal())
    .update(FIXED_TEXT)
    .digest()
    .subarray(0, FINGERPRINT_BYTES)
    .toString('hex');

/**
 * With another secret a payout that is asked for again has another id: where the database forgot it, nothing tells
 * that it was paid. Whoever comes first notes the fingerprint of theirs.
 *
 * @throws ConfigError
 */
export async function refuseOtherIdSecret(pool: Pool, secret: Secret | null): Promise<void> {
  if (secret === null) return;
  await refuse(pool, secret);
  await noteFingerprint(pool, fingerprintOf(secret));
  // Another instance may have been quicker.
  await refuse(pool, secret);
}

async function refuse(db: Queryable, secret: Secret): Promise<void> {
  const problem = await otherIdSecret(db, secret);
  if (problem !== null) throw new ConfigError([problem]);
}

/** What is wrong with that secret for this database; null where nothing is known to be. */
export async function otherIdSecret(db: Queryable, secret: Secret): Promise<string | null> {
  const noted = await readFingerprint(db);
  const given = fingerprintOf(secret);
  if (noted === given) return null;
  if (noted !== null) {
    const [other, advice] = (await hasPayouts(db)) ? [OTHER, ADVICE] : [OTHER_STARTED, UNUSED];
    return `${other}, whose fingerprint is ${noted}: that of the one given is ${given}. ${advice}`;
  }
  const newest = await newestIds(db);
  const isOurs = newest.some((one) => payoutId(secret, one.keyName, one.idempotencyKey) === one.id);
  if (newest.length === 0 || isOurs) return null;
  return `${OTHER}: with the one given, fingerprint ${given}, none of the newest (${newest.length}) would have its id. ${ADVICE}`;
}

const OTHER =
  'PAYOUT_ID_SECRET: is not the secret that the payouts of the database at DATABASE_URL were made with';
const ADVICE =
  'A fingerprint tells secrets apart and gives none away. With another secret a payout that is asked for again has ' +
  'another id, and may be paid a second time. Set the one that was kept with the backups, the same on all instances; it ' +
  'must not change while payouts exist. Where it is lost for good: `teller payout accept-secret`';

/** Another instance may be about to accept with the other one: a person says which it is. */
const OTHER_STARTED =
  'PAYOUT_ID_SECRET: is not the secret that an instance noted in the database at DATABASE_URL, which knows of no payout';
const UNUSED =
  'All instances need the same. Where none was ever paid from it, and no other instance runs with the other one, ' +
  '`teller payout accept-secret` lets the one given count. Where the database was restored, set the one that was kept ' +
  'with the backups: a payout that it forgot may be paid a second time otherwise';

/**
 * From now on this secret makes the ids: a person answers for it.
 *
 * @returns false where it did already
 */
export const acceptIdSecret = (
  pool: Pool,
  secret: Secret,
  actor: string,
  reason: string,
): Promise<boolean> =>
  inTransaction(pool, async (tx) => {
    const fingerprint = fingerprintOf(secret);
    const before = await readFingerprint(tx);
    if (before === fingerprint) return false;
    await replaceFingerprint(tx, fingerprint);
    const details = { before, fingerprint, reason };
    const told = {
      action: 'payout.id_secret_accepted',
      entityType: 'payouts',
      entityId: 'all',
    } as const;
    await audit(tx, new Date(), [{ ...told, actor, details }]);
    return true;
  });
