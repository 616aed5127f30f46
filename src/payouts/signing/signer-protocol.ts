import { z } from 'zod';
import { showAssets } from '../../payments/payment.js';
import type { UnsignedTransaction } from '../transaction/transaction.js';

/** docs/signer-protocol.md says the same in words. */
export const PROTOCOL_VERSION = 1;
export const KEY_PATH = '/v1/key';
export const SIGN_PATH = '/v1/sign';

/** Problem types of a signer that looked and says no; asking again changes nothing by itself. */
export const REFUSED_TYPE = 'urn:chain-teller:signer:refused';
/** It would sign, but not now: its limit for 24 hours is used up. */
export const LIMIT_REACHED_TYPE = 'urn:chain-teller:signer:limit-reached';

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`));
const AMOUNT = z.string().regex(/^\d{1,20}$/);

/** What is to be signed. The transaction alone counts; `inputs` are for people and logs. */
export const SIGN_REQUEST = z.strictObject({
  version: z.literal(PROTOCOL_VERSION),
  network: z.string().max(40),
  id: hex(32),
  transaction: z.string().max(65_536),
  inputs: z
    .array(
      z.strictObject({
        reference: z.string().regex(/^[0-9a-f]{64}#\d{1,5}$/),
        address: z.string().max(512),
        lovelace: AMOUNT,
        assets: z.record(z.string(), AMOUNT),
      }),
    )
    .max(1000),
});
export type SignRequest = z.infer<typeof SIGN_REQUEST>;

/** Loose, so that a signer may say more than is needed. */
export const SIGN_ANSWER = z.looseObject({
  version: z.literal(PROTOCOL_VERSION),
  publicKey: hex(32),
  signature: hex(64),
});

export const KEY_ANSWER = z.looseObject({
  version: z.literal(PROTOCOL_VERSION),
  publicKey: hex(32),
  keyHash: hex(28),
  network: z.string().max(40),
});

export const PROBLEM_ANSWER = z.looseObject({ type: z.string(), detail: z.string().optional() });

export const signRequestOf = (
  transaction: UnsignedTransaction,
  { network, wallet }: { readonly network: string; readonly wallet: string },
): SignRequest => ({
  version: PROTOCOL_VERSION,
  network,
  id: transaction.id,
  transaction: transaction.cbor,
  inputs: transaction.inputs.map(({ reference, lovelace, assets }) => ({
    reference,
    address: wallet,
    lovelace: lovelace.toString(),
    assets: showAssets(assets),
  })),
});
