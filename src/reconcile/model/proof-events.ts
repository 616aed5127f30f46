import type { DiscrepancyType, HealedFinding } from './finding.js';

/** How far something long is. */
export type ProgressReport = {
  readonly done: number;
  /** In the unit of `done`; null while it isn't known. */
  readonly total: number | null;
  /** Of `done`, each second. */
  readonly rate: number;
  readonly secondsLeft: number | null;
  /** What it counts, where that isn't what the whole is made of: blocks that are looked through for a doubt. */
  readonly of?: 'blocks';
};

/** In which way the books contradict themselves. */
export type MismatchKind =
  | 'balance'
  | 'ledger'
  | 'orphan'
  | 'unfounded'
  | 'held'
  | 'payout'
  | 'pause'
  | 'references'
  | 'early_confirmation'
  | 'sealed_rows'
  | 'seal'
  | 'noted_seal'
  | 'digest';

/** All that proving the books tells the outside: logs and metrics are made from these. */
export type ProofEvent =
  | {
      readonly type: 'reconciliation_finished';
      readonly runId: string;
      readonly scope: 'full' | 'addresses' | 'continuous';
      readonly slot: number;
      readonly matched: number;
      readonly open: Readonly<Partial<Record<DiscrepancyType, number>>>;
      readonly repaired: number;
      readonly findings: readonly HealedFinding[];
      /** What differs without any single output to be named. */
      readonly problem: string | null;
      readonly seconds: number;
    }
  /** Continues a run that was interrupted, at the block that it began at. */
  | { readonly type: 'reconciliation_resumed'; readonly runId: string; readonly startedAt: Date }
  | { readonly type: 'reconciliation_failed'; readonly scope: string; readonly reason: string }
  /** Share of watched addresses that were compared within the last day, and the oldest one's age. */
  | {
      readonly type: 'coverage';
      readonly reconciledRatio: number;
      readonly oldestSeconds: number | null;
    }
  | ({ readonly type: 'rebuild_progress'; readonly jobId: string } & ProgressReport)
  | {
      readonly type: 'job_finished';
      readonly jobId: string;
      readonly kind: 'rebuild' | 'repair';
      readonly outcome: 'done' | 'failed' | 'cancelled';
      readonly reason: string | null;
      /** What it did, where it was done. */
      readonly result: Readonly<Record<string, unknown>> | null;
    }
  /** The books were held against each other. */
  | {
      readonly type: 'verified';
      readonly balances: number;
      readonly entries: number;
      readonly mismatches: number;
      /** The first of each kind. */
      readonly shown: readonly (readonly [kind: MismatchKind, mismatch: object])[];
      readonly shortfalls: readonly {
        readonly unit: string;
        readonly owed: string;
        readonly treasury: string;
      }[];
      readonly overdueSealings: readonly { readonly chain: string; readonly since: Date }[];
      /** Of people, with reasons of their own. */
      readonly manualEntries: number;
    }
  /** Tried again every few seconds, and told once for each reason. */
  | {
      readonly type: 'sealing_failed';
      readonly chain: 'ledger' | 'audit';
      readonly reason: string;
    }
  | { readonly type: 'sealed'; readonly chain: 'ledger' | 'audit'; readonly seal: number }
  | {
      readonly type: 'backup_finished';
      readonly kind: string;
      readonly file: string;
      readonly bytes: number;
    }
  /** Written and read back, of books that another hand changed so that they can't be followed on from. */
  | {
      readonly type: 'backup_doubtful';
      readonly kind: string;
      readonly file: string;
      readonly reason: string;
    }
  | { readonly type: 'backup_failed'; readonly kind: string; readonly reason: string }
  /** Of an earlier backup, while another one is made: it may be damaged, and it is left alone. */
  | { readonly type: 'backup_unreadable'; readonly file: string; readonly reason: string }
  /** What was due waits for something that ends by itself; told once for each reason. */
  | { readonly type: 'schedule_postponed'; readonly schedule: string; readonly reason: string }
  /** What was due was not done; tried again where tries are left. */
  | {
      readonly type: 'schedule_failed';
      readonly schedule: string;
      readonly reason: string;
      readonly triesLeft: number;
    };

export type ObserveProof = (event: ProofEvent) => void;
