import { z } from 'zod';
import { checkAddress } from '../../chain/address.js';
import type { AssetUnit, Lovelace } from '../../chain/block.js';
import type { Network } from '../../chain/network.js';
import type { Secret } from '../../config.js';
import { showAssets } from '../../payments/payment.js';
import { readMetadata, textProblem } from '../../payments/registration-request.js';
import { bodyHash, type Caller, keyNameOf, payoutId } from '../model/identity.js';

/** Body of `POST /v1/payouts`. */
export const payoutBody = z
  .strictObject({
    destinationAddress: z.string().max(1024),
    amountLovelace: z.string().describe('Whole lovelace above zero as decimal string'),
    assets: z
      .record(z.string(), z.string())
      .nullish()
      .describe('Policy id followed by asset name (hex) to quantity as decimal string'),
    userId: z.string().nullish().describe("Whose balance it is taken from; none: the treasury's"),
    referenceId: z.string().nullish(),
    metadata: z.record(z.string(), z.unknown()).nullish(),
    allowDepositAddress: z
      .boolean()
      .optional()
      .describe("Lets the destination be one of the company's own deposit addresses"),
  })
  .meta({ id: 'PayoutRequest' });

export type PayoutBody = z.input<typeof payoutBody>;

/** Who asks for what, in the one form that it is compared in. */
export type PayoutRequest = {
  readonly id: string;
  readonly caller: Caller;
  readonly idempotencyKey: string;
  readonly bodyHash: string;
  /** Canonical, as the node writes it. */
  readonly destinationAddress: string;
  readonly amountLovelace: Lovelace;
  readonly assets: ReadonlyMap<AssetUnit, bigint>;
  readonly userId: string | null;
  readonly referenceId: string | null;
  /** JSON text in canonical form. */
  readonly metadata: string | null;
  readonly allowDepositAddress: boolean;
};

export type CheckedPayout =
  | { readonly ok: true; readonly request: PayoutRequest }
  | { readonly ok: false; readonly problem: string; readonly field: string };

/** All lovelace there can be. */
const LOVELACE_MAX = 45_000_000_000_000_000n;
/** Of one asset in one output: node and libraries count in signed 64 bits. */
const QUANTITY_MAX = 2n ** 63n - 1n;
const METADATA_BYTES_MAX = 4_096;
const UNIT = /^[0-9a-f]{56}(?:[0-9a-f]{2}){0,32}$/;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

export const isIdempotencyKey = (text: string): boolean => IDEMPOTENCY_KEY.test(text);
export const IDEMPOTENCY_KEY_FORM = '1 to 255 visible ASCII characters without spaces';

export type Asking = {
  readonly caller: Caller;
  /** See `isIdempotencyKey`. */
  readonly idempotencyKey: string;
  readonly secret: Secret;
  readonly network: Network;
};

/** Only what is wrong with the body itself; whether it may be paid depends on the books. */
export function checkPayout(body: PayoutBody, asking: Asking): CheckedPayout {
  const checked = checkAddress(body.destinationAddress, asking.network);
  if (!checked.ok) return refuse('destinationAddress', checked.problem);
  const amountLovelace = amountOf(body.amountLovelace, LOVELACE_MAX);
  if (amountLovelace === undefined) return refuse('amountLovelace', AMOUNT_WANTED(LOVELACE_MAX));
  const given = Object.entries(body.assets ?? {});
  const assets = new Map<AssetUnit, bigint>();
  for (const [unit, text] of given) {
    const quantity = amountOf(text, QUANTITY_MAX);
    if (!UNIT.test(unit)) return refuse(`assets.${unit}`, UNIT_WANTED);
    if (quantity === undefined) return refuse(`assets.${unit}`, AMOUNT_WANTED(QUANTITY_MAX));
    assets.set(unit, quantity);
  }
  for (const field of ['userId', 'referenceId'] as const) {
    const text = body[field] ?? null;
    const problem = text === null ? undefined : textProblem(field, text);
    if (problem !== undefined) return refuse(field, problem.replace(`${field} `, ''));
  }
  const metadata = metadataOf(body.metadata ?? null);
  if (metadata.problem !== undefined) return refuse('metadata', metadata.problem);
  const { allowDepositAddress = false, userId = null, referenceId = null } = body;
  const wanted = {
    destinationAddress: checked.address.text,
    amountLovelace,
    assets,
    userId,
    referenceId,
    metadata: metadata.json,
    allowDepositAddress,
  };
  return { ok: true, request: { ...identityOf(wanted, asking), ...wanted } };
}

type Wanted = Omit<PayoutRequest, 'id' | 'caller' | 'idempotencyKey' | 'bodyHash'>;

function identityOf(wanted: Wanted, { caller, idempotencyKey, secret }: Asking) {
  const { amountLovelace, assets, ...rest } = wanted;
  const amounts = { amountLovelace: amountLovelace.toString(), assets: showAssets(assets) };
  return {
    id: payoutId(secret, keyNameOf(caller), idempotencyKey),
    caller,
    idempotencyKey,
    bodyHash: bodyHash({ ...rest, ...amounts }),
  };
}

const AMOUNT_WANTED = (most: bigint): string =>
  `wanted a whole number as decimal string, 1 to ${most}, without leading zeros`;
const UNIT_WANTED =
  'wanted a policy id (56 hex digits) followed by an asset name (up to 64), in lower case';

function amountOf(text: string, most: bigint): bigint | undefined {
  const value = /^[1-9]\d{0,18}$/.test(text) ? BigInt(text) : 0n;
  return value > 0n && value <= most ? value : undefined;
}

function metadataOf(metadata: Readonly<Record<string, unknown>> | null) {
  if (metadata === null) return { json: null };
  const stored = readMetadata(metadata);
  if (stored.problem !== undefined) {
    return { json: null, problem: stored.problem.replace('metadata ', '') };
  }
  const bytes = Buffer.byteLength(stored.json ?? '');
  return bytes <= METADATA_BYTES_MAX
    ? stored
    : { json: null, problem: `has ${bytes} bytes of JSON, at most ${METADATA_BYTES_MAX} fit` };
}

const refuse = (field: string, problem: string): CheckedPayout => ({ ok: false, field, problem });
