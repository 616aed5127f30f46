import { createHash, randomBytes } from 'node:crypto';
import type { Devnet } from '../src/devnet/server.js';
import type { DemoDatabase } from './database.js';
import type { HotWallet } from './hot-wallet.js';

export const MAGIC = 42;
/**
 * How the demo's company is careful: 3 confirmations, 5 from 100 ada on, dust below 1.5 ada ignored; two
 * people for a payout above 100 ada, which counts as paid 3 blocks deep.
 */
export const POLICY = {
  small: 3,
  large: 5,
  largeFromAda: 100,
  minPaymentLovelace: 1_500_000n,
  approvalAboveAda: 100,
  payoutDepth: 3,
};

/** Who calls the worker: the company's backend, and a person of its who approves. */
export type Keys = { readonly backend: string; readonly approver: string };

export const drawKeys = (): Keys => ({ backend: draw(), approver: draw() });

const draw = (): string => randomBytes(24).toString('base64url');

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** What both instances run with. */
export const settingsOf = (
  database: DemoDatabase,
  devnet: Devnet,
  wallet: HotWallet,
  keys: Keys,
) => ({
  NETWORK: `custom:${MAGIC}`,
  DATABASE_URL: database.url,
  OGMIOS_URL: devnet.url,
  START_POINT: 'origin',
  CONFIRMATION_TIERS: `0=${POLICY.small},${POLICY.largeFromAda}=${POLICY.large}`,
  MIN_PAYMENT_LOVELACE: POLICY.minPaymentLovelace.toString(),
  API_KEYS:
    `backend:read+write+payout+approve:${sha256(keys.backend)},` +
    `approver:read+approve:${sha256(keys.approver)}`,
  HOT_WALLET_ADDRESS: wallet.address,
  SIGNER: wallet.signer,
  PAYOUT_ID_SECRET: draw(),
  PAYOUT_APPROVAL_ABOVE_ADA: POLICY.approvalAboveAda.toString(),
  PAYOUT_CONFIRMATIONS: POLICY.payoutDepth.toString(),
  // Nobody else's payout is worth waiting for.
  PAYOUT_BATCH_WAIT_SECONDS: '0',
  // Any free one: two demonstrations at once mustn't notice each other.
  HTTP_PORT: '0',
  SHUTDOWN_TIMEOUT: '5',
  LOG_LEVEL: 'debug',
});
