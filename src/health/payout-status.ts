import type { Queryable } from '../database/transaction.js';
import {
  countPayouts,
  type PayoutCounts,
  readStanding,
  type Standing,
} from '../payouts/wallet/standing.js';
import { hoursLeft, tallyHoldings, type WalletTotals } from '../payouts/wallet/wallet.js';
import { outflowOfDay, readHoldings, walletBalance } from '../payouts/wallet/wallet-holdings.js';
import type { PayerVitals } from './payer-vitals.js';

/** What `/status` says of payouts and their wallet, as it was read. */
export type PayoutReading = {
  readonly counts: PayoutCounts;
  readonly standing: Standing;
  /** Null where HOT_WALLET_ADDRESS isn't set, or no block was followed yet. */
  readonly wallet:
    | (WalletTotals & { readonly address: string; readonly outflowOfDay: bigint })
    | null;
};

/** Reads whole tables: not for every request. */
export async function readPayouts(
  db: Queryable,
  hotWallet: string | null,
  partitionId: number,
): Promise<PayoutReading> {
  const counts = await countPayouts(db);
  const standing = await readStanding(db);
  if (hotWallet === null || (await walletBalance(db, hotWallet, partitionId)) === null) {
    return { counts, standing, wallet: null };
  }
  const totals = tallyHoldings(await readHoldings(db, hotWallet, partitionId));
  const outflow = await outflowOfDay(db, partitionId);
  return { counts, standing, wallet: { ...totals, address: hotWallet, outflowOfDay: outflow } };
}

export type PayoutStatusView = ReturnType<typeof tellPayouts>;

export function tellPayouts(reading: PayoutReading | null, payer: PayerVitals | null) {
  const { paused = null, held = null, fenceRequestedAt = null } = reading?.standing ?? {};
  return {
    payouts: reading?.counts ?? null,
    payoutsPaused: paused === null ? null : { ...paused, since: paused.since.toISOString() },
    payoutsHeld: held === null ? null : { ...held, since: held.since.toISOString() },
    fenceRequestedAt: fenceRequestedAt?.toISOString() ?? null,
    oldestPayoutSeconds: reading === null ? null : oldestOf(reading.standing),
    /** Of this instance. */
    payer: payer === null ? null : showPayer(payer),
    hotWallet: reading?.wallet == null ? null : showWallet(reading.wallet),
  };
}

function oldestOf({ open }: Standing) {
  const seconds = (status: keyof typeof open): number | null => {
    const { oldestSeconds } = open[status];
    return oldestSeconds === null ? null : Math.round(oldestSeconds);
  };
  return {
    awaiting_approval: seconds('awaiting_approval'),
    queued: seconds('queued'),
    submitted: seconds('submitted'),
    in_block: seconds('in_block'),
  };
}

const showPayer = ({ epoch, waiting }: PayerVitals) => ({
  pays: epoch !== null,
  epoch: epoch === null ? null : Number(epoch),
  waiting: waiting === null ? null : { ...waiting, since: new Date(waiting.since).toISOString() },
});

const showWallet = (wallet: NonNullable<PayoutReading['wallet']>) => ({
  address: wallet.address,
  lovelace: wallet.lovelace.toString(),
  spendable: wallet.spendable.toString(),
  reserved: wallet.reserved.toString(),
  quarantined: wallet.quarantined.toString(),
  unspentOutputs: wallet.outputs,
  spendableOutputs: wallet.spendableOutputs,
  outflowOfDay: wallet.outflowOfDay.toString(),
  hoursLeft: hoursLeft(wallet, wallet.outflowOfDay),
});
