import { z } from 'zod';
import { PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX } from '../payments/pages.js';
import { PAYMENT_STATUSES } from '../payments/payment.js';
import { PAYOUT_STATUSES } from '../payouts/model/payout.js';

/** Shapes of `/v1` in and out (contract, section 4). The OpenAPI document is made from them. */

const amount = z
  .string()
  .regex(/^-?\d+$/)
  .describe('Whole number as decimal string');
const time = z.iso.datetime().describe('ISO 8601, UTC');
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const unit = z.string().describe('`lovelace`, or policy id followed by asset name, hex');
const text = z
  .string()
  .min(1)
  .max(200)
  // PostgreSQL can't store it, so nothing can be found by it either.
  .refine((value) => !value.includes('\u0000'), 'contains a NUL character');

export const registrationBody = z
  .strictObject({
    address: z.string().max(1024),
    userId: z.string(),
    referenceType: z.string().nullish(),
    referenceId: z.string().nullish(),
    metadata: z.record(z.string(), z.unknown()).nullish(),
    backfill: z
      .boolean()
      .optional()
      .describe(
        'Whether what the address holds already is a payment, with its confirmations counted from ' +
          "when it was found; otherwise it is recorded as `ignored`. False where it isn't given",
      ),
  })
  .meta({ id: 'Registration' });

export const addressView = z
  .object({
    address: z.string(),
    userId: z.string(),
    referenceType: z.string().nullable(),
    referenceId: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()).nullable(),
    backfill: z.boolean(),
    backfilledHeight: z
      .int()
      .nonnegative()
      .nullable()
      .describe('Of the block after which it was asked what the address held; null until then'),
    createdAt: time,
  })
  .meta({ id: 'Address' });

export const registrationItems = z
  .object({
    items: z.array(
      z.object({
        address: z.string(),
        outcome: z.enum(['created', 'exists', 'conflict', 'invalid']),
        detail: z.string().optional(),
      }),
    ),
  })
  .meta({ id: 'RegistrationResults' });

export const paymentView = z
  .object({
    txHash: hash,
    outputIndex: z.int().nonnegative(),
    address: z.string(),
    userId: z.string(),
    referenceType: z.string().nullable(),
    referenceId: z.string().nullable(),
    amountLovelace: amount,
    assets: z.record(z.string(), amount),
    status: z.enum(PAYMENT_STATUSES),
    confirmations: z.int().nonnegative(),
    requiredConfirmations: z.int().positive(),
    blockHash: hash.nullable(),
    blockHeight: z.int().nonnegative().nullable(),
    slot: z.int().nonnegative().nullable(),
    detectedAt: time,
    confirmedAt: time.nullable(),
    spentBy: hash.nullable(),
  })
  .meta({ id: 'Payment' });

export const balancesView = z
  .object({
    balances: z.array(z.object({ unit, available: amount, held: amount, pending: amount })),
  })
  .meta({ id: 'Balances' });

export const ledgerEntryView = z
  .object({
    id: z.string(),
    unit,
    bucket: z.enum(['pending', 'available', 'held']),
    type: z.enum(['credit', 'debit']),
    amount,
    reason: z.string(),
    txHash: hash.nullable(),
    outputIndex: z.int().nonnegative().nullable(),
    payoutId: z.string().nullable(),
    createdAt: time,
  })
  .meta({ id: 'LedgerEntry' });

export const payoutView = z
  .object({
    id: z.string().regex(/^[0-9a-f]{32}$/),
    status: z.enum(PAYOUT_STATUSES),
    destinationAddress: z.string(),
    amountLovelace: amount,
    assets: z.record(z.string(), amount),
    userId: z.string().nullable(),
    referenceId: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()).nullable(),
    txHash: hash.nullable(),
    feeLovelace: amount.nullable(),
    failureReason: z.string().nullable(),
    adopted: z.boolean().describe('Learned from the chain, by a database that had forgotten it'),
    createdBy: z.string(),
    approvedBy: z.string().nullable(),
    createdAt: time,
    confirmedAt: time.nullable(),
  })
  .meta({ id: 'Payout' });

const page = {
  limit: z.coerce.number().int().min(1).max(PAGE_LIMIT_MAX).default(PAGE_LIMIT_DEFAULT),
  cursor: z.string().max(1024).optional().describe('`nextCursor` of the page before'),
};

export const pageQuery = z.strictObject(page);
export const addressQuery = z.strictObject({ ...page, userId: text.optional() });
export const paymentQuery = z.strictObject({
  ...page,
  userId: text.optional(),
  address: z.string().max(1024).optional(),
  status: z.enum(PAYMENT_STATUSES).optional(),
  referenceId: text.optional(),
  since: z
    .union([z.iso.datetime({ offset: true }), z.iso.date()])
    .optional()
    .describe('Detected then or later'),
});

export const payoutQuery = z.strictObject({
  ...page,
  userId: text.optional(),
  status: z.enum(PAYOUT_STATUSES).optional(),
  referenceId: text.optional(),
  destinationAddress: z.string().max(1024).optional(),
  since: z
    .union([z.iso.datetime({ offset: true }), z.iso.date()])
    .optional()
    .describe('Created then or later'),
});

export const userParameter = z.object({ userId: text });
export const paymentParameter = z.object({
  txHash: z.string().toLowerCase().pipe(hash),
  outputIndex: z.coerce.number().int().min(0).max(2_147_483_647),
});

export const problemView = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    requestId: z.string(),
  })
  .meta({ id: 'Problem' });
