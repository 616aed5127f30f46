import type { PaymentStatus } from '../../payments/payment.js';

/** What the ledger holds of one payment's lovelace, all its entries together. */
export type Booked = { readonly pending: bigint; readonly available: bigint };

export type StatusEvidence = {
  readonly status: PaymentStatus;
  readonly lovelace: bigint;
  readonly booked: Booked;
  /** Whether the cursor stands at its depth or above. */
  readonly isDeep: boolean;
  /** Whether any event ever told of it. */
  readonly wasTold: boolean;
  /** Its row names no block, and what was there before its address was registered counts for nobody. */
  readonly seemsPast: boolean;
};

/** The status that a ledger of this kind belongs to; `odd`: to none. */
export type LedgerStatus = 'pending' | 'confirmed' | 'nothing' | 'odd';

function ledgerStatus(lovelace: bigint, { pending, available }: Booked): LedgerStatus {
  if (pending === 0n && available === 0n) return 'nothing';
  if (pending === lovelace && available === 0n) return 'pending';
  return pending === 0n && available === lovelace ? 'confirmed' : 'odd';
}

/** `repairable`: depth or ledger say what it should be. `unclear`: they say only that it is wrong. */
export type StatusVerdict = 'fits' | 'repairable' | 'unclear';

/**
 * Whether a payment's status contradicts what was booked for it. Where the ledger alone can be wrong
 * (entries are gone, or fit no status), it is the ledger that is checked and corrected, not the status.
 */
export function judgeStatus(evidence: StatusEvidence): StatusVerdict {
  const booked = ledgerStatus(evidence.lovelace, evidence.booked);
  switch (evidence.status) {
    case 'pending':
      if (booked === 'confirmed') return 'repairable';
      return booked === 'nothing' && !evidence.wasTold ? 'unclear' : 'fits';
    case 'confirmed':
      // Above its depth it was confirmed rightly, and the ledger lacks it.
      if (booked === 'pending') return evidence.isDeep ? 'fits' : 'repairable';
      return booked === 'nothing' && !evidence.wasTold ? 'unclear' : 'fits';
    case 'ignored':
    case 'seen':
      if (booked !== 'pending' && booked !== 'confirmed') return 'fits';
      // What never counted wasn't told of: it is the row that lost its block.
      return evidence.seemsPast && evidence.wasTold ? 'unclear' : 'repairable';
    case 'rolled_back':
      // Whether its output is on the chain is the chain's to say.
      return 'fits';
  }
}
