import type { Verdict } from './judge.js';
import type { Reason } from './reasons.js';

/** What guarding the chain tells the outside. */
export type GuardEvent =
  /** Confirming and paying are held; again where reasons are added or taken away. */
  | { readonly type: 'chain_guard_held'; readonly reasons: readonly Reason[] }
  /** `by`: who let pass what held, the last of them; null where that is over by itself. */
  | { readonly type: 'chain_guard_released'; readonly by: string | null }
  /** When it comes to be of another kind. */
  | { readonly type: 'witness_heard'; readonly witness: string; readonly verdict: Verdict }
  /** Once, until it is known: thin hours aren't told. */
  | { readonly type: 'density_unknown'; readonly reason: string }
  /** Nobody guards until the next try. */
  | { readonly type: 'chain_guard_failed'; readonly reason: string };
