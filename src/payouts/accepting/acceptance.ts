import type { Pool } from 'pg';
import type { AssetUnit } from '../../chain/block.js';
import { inTransaction, type Tx } from '../../database/transaction.js';
import { deltasOf } from '../../payments/ledger.js';
import { post } from '../../payments/ledger-queries.js';
import { showAssets } from '../../payments/payment.js';
import { BooksContradict } from '../../sync/contradiction.js';
import { audit } from '../model/books-queries.js';
import { noteIdentity, type ReadIdentity } from '../model/database-identity.js';
import { entriesOfHold, heldOf } from '../model/entries.js';
import { actorOf } from '../model/identity.js';
import type { Payout } from '../model/payout.js';
import type { PayoutPolicy } from '../model/policy.js';
import { readParameters } from '../model/stored-parameters.js';
import {
  type Asked,
  type BalanceName,
  claimAdopted,
  insertNew,
  knownUnits,
  lockAvailable,
  lockDailySum,
  readFacts,
  readStored,
  takeBack,
} from './acceptance-queries.js';
import { type Answer, answerStored, entriesOfClaim } from './claims.js';
import {
  balanceKey,
  estimatedFee,
  type Facts,
  type MinimumLovelace,
  needsApproval,
  type Refusal,
  refusalOf,
  withinLimits,
} from './limits.js';
import type { PayoutRequest } from './request.js';

export type AcceptOutcome =
  | { readonly type: 'created'; readonly payout: Payout }
  | Answer
  | { readonly type: 'refused'; readonly refusal: Refusal };

export type AcceptanceDeps = {
  readonly policy: PayoutPolicy;
  readonly minimumLovelace: MinimumLovelace;
  /** Assets that somebody here had once: grows, and spares looking again. */
  readonly seenUnits: Set<AssetUnit>;
  /** What tells this database from a copy of it. */
  readonly readIdentity: ReadIdentity;
};

/**
 * Accepts what can be accepted of a batch, in its order, and says for each what became of it. One
 * transaction, and as many statements for many requests as for one.
 *
 * @param requests no two with the same id
 * @throws BooksContradict where one was accepted before, by the audit log, and its row is gone
 */
export const acceptPayouts = (
  pool: Pool,
  requests: readonly PayoutRequest[],
  deps: AcceptanceDeps,
): Promise<AcceptOutcome[]> => inTransaction(pool, (tx) => acceptIn(tx, requests, deps));

type Outcomes = Map<string, AcceptOutcome>;

async function acceptIn(
  tx: Tx,
  requests: readonly PayoutRequest[],
  deps: AcceptanceDeps,
): Promise<AcceptOutcome[]> {
  const outcomes: Outcomes = new Map();
  const stored = await readStored(tx, requests);
  const { at, nameless, ...facts } = await factsFor(tx, requests, deps);
  const asked: Asked[] = [];
  for (const request of requests) {
    if (stored.has(request.id)) continue;
    const refusal = refusalOf(request, facts, deps.policy, deps.minimumLovelace);
    if (refusal !== null) outcomes.set(request.id, { type: 'refused', refusal });
    else asked.push({ request, payout: newPayout(request, at, deps.policy) });
  }
  if (nameless && asked.length > 0) await noteIdentity(tx, at, await deps.readIdentity(tx));
  const inserted = await insertNew(tx, at, asked);
  const fresh = asked.filter(({ request }) => inserted.has(request.id));
  const late = asked.filter(({ request }) => !inserted.has(request.id));
  // Another instance was quicker, and has committed: this statement sees what it made.
  const meanwhile = await readStored(
    tx,
    late.map(({ request }) => request),
  );
  const known = new Map([...stored, ...meanwhile]);
  const { answers, claims } = await answerStored(tx, requests, known, deps.policy);
  for (const [id, answer] of answers) outcomes.set(id, answer);
  const accepted = await holdWithinLimits(tx, at, { fresh, claims }, { outcomes, deps });
  await book(tx, at, accepted, claims);
  return requests.map((request) => {
    const outcome = outcomes.get(request.id);
    if (outcome === undefined) throw rowIsGone(request.id);
    return outcome;
  });
}

const rowIsGone = (id: string): BooksContradict =>
  new BooksContradict(
    [`payout ${id} was accepted before, and its row is gone`],
    'It may be paid: run `teller balance verify`, which says what to do.',
  );

type Deciding = { readonly outcomes: Outcomes; readonly deps: AcceptanceDeps };

async function factsFor(
  tx: Tx,
  requests: readonly PayoutRequest[],
  { seenUnits }: AcceptanceDeps,
): Promise<Facts & { readonly at: Date; readonly nameless: boolean }> {
  const read = await readFacts(tx, requests);
  const { at, nameless, depositAddresses, units, parameters } = read;
  for (const unit of units) seenUnits.add(unit);
  const named = new Set(requests.flatMap((request) => [...request.assets.keys()]));
  const unseen = [...named].filter((unit) => !seenUnits.has(unit));
  if (unseen.length > 0) for (const unit of await knownUnits(tx, unseen)) seenUnits.add(unit);
  return {
    at,
    nameless,
    depositAddresses,
    knownUnits: seenUnits,
    parameters: readParameters(parameters),
  };
}

function newPayout(request: PayoutRequest, at: Date, policy: PayoutPolicy): Payout {
  const waits = needsApproval(request.amountLovelace, policy.approvalAboveLovelace);
  return {
    id: request.id,
    status: waits ? 'awaiting_approval' : 'queued',
    destinationAddress: request.destinationAddress,
    amountLovelace: request.amountLovelace,
    assets: request.assets,
    userId: request.userId,
    referenceId: request.referenceId,
    metadata: request.metadata === null ? null : (JSON.parse(request.metadata) as unknown),
    turn: 0,
    heldFee: estimatedFee(request, policy.fees),
    booked: request.userId !== null,
    adopted: false,
    txHash: null,
    feeLovelace: null,
    blockHeight: null,
    failureReason: null,
    createdBy: actorOf(request.caller),
    approvedBy: null,
    createdAt: at,
    confirmedAt: null,
  };
}

/** Inserted ones that nothing speaks against; the others are gone again. */
async function holdWithinLimits(
  tx: Tx,
  at: Date,
  { fresh, claims }: { readonly fresh: readonly Asked[]; readonly claims: readonly Asked[] },
  { outcomes, deps }: Deciding,
): Promise<Asked[]> {
  const payouts = fresh.map(({ payout }) => payout);
  const limit = deps.policy.dailyLimitLovelace;
  const available = await lockAvailable(tx, balancesOf([...fresh, ...claims]));
  const sum = limit === null || payouts.length === 0 ? 0n : await lockDailySum(tx, at);
  const own = payouts.reduce((total, payout) => total + payout.amountLovelace, 0n);
  const refused = withinLimits(payouts, available, sum - own, limit);
  if (refused.size > 0) await takeBack(tx, [...refused.keys()]);
  return fresh.filter(({ payout }) => {
    const refusal = refused.get(payout.id);
    outcomes.set(
      payout.id,
      refusal === undefined ? { type: 'created', payout } : { type: 'refused', refusal },
    );
    return refusal === undefined;
  });
}

function balancesOf(asked: readonly Asked[]): BalanceName[] {
  const names = new Map<string, BalanceName>();
  for (const { payout } of asked) {
    const { userId } = payout;
    if (userId === null) continue;
    for (const [unit] of heldOf(payout)) names.set(balanceKey(userId, unit), { userId, unit });
  }
  return [...names.values()];
}

async function book(
  tx: Tx,
  at: Date,
  accepted: readonly Asked[],
  claims: readonly Asked[],
): Promise<void> {
  if (claims.length > 0) await claimAdopted(tx, at, claims);
  const entries = [
    ...accepted.flatMap(({ payout }) => entriesOfHold(payout)),
    ...claims.flatMap(({ payout }) => entriesOfClaim(payout)),
  ];
  if (entries.length > 0) await post(tx, at, entries, deltasOf(entries));
  const told = [
    ...accepted.map((one) => ({ ...one, action: 'payout.created' })),
    ...claims.map((one) => ({ ...one, action: 'payout.claimed' })),
  ];
  if (told.length === 0) return;
  await audit(
    tx,
    at,
    told.map(({ action, request, payout }) => ({
      action,
      entityType: 'payout',
      entityId: payout.id,
      actor: actorOf(request.caller),
      details: {
        userId: payout.userId,
        destinationAddress: payout.destinationAddress,
        lovelace: payout.amountLovelace.toString(),
        assets: showAssets(payout.assets),
        status: payout.status,
      },
    })),
  );
}
