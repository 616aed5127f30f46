import type pg from 'pg';
import { makeAddress } from '../../../src/devnet/address.js';
import { type AcceptOutcome, acceptPayouts } from '../../../src/payouts/accepting/acceptance.js';
import { approvePayout } from '../../../src/payouts/accepting/approval.js';
import { cancelPayout } from '../../../src/payouts/accepting/cancel.js';
import { pausePayouts, requestFence, resumePayouts } from '../../../src/payouts/accepting/pause.js';
import { checkPayout, type PayoutBody } from '../../../src/payouts/accepting/request.js';
import { type ReadIdentity, readIdentity } from '../../../src/payouts/model/database-identity.js';
import type { Caller } from '../../../src/payouts/model/identity.js';
import { pay } from '../../../src/payouts/paying/payer.js';
import type { PayerDeps, PayerEvent } from '../../../src/payouts/paying/payer-deps.js';
import { beginPayerTerm, NotNow } from '../../../src/payouts/paying/term-queries.js';
import { buildTransaction } from '../../../src/payouts/transaction/build.js';
import { minimumLovelace } from '../../../src/payouts/transaction/minimum.js';
import { DatabaseAway } from '../gated-pool.js';
import { NETWORK } from '../network.js';
import { Crash } from '../scheduler.js';
import type { World } from '../state.js';
import { poolOf } from '../troubles.js';
import { nodeOf } from './node.js';
import { CONFIRMATIONS, type PayoutWorld, SECURITY_PARAMETER, VALIDITY_SECONDS } from './state.js';

const CLERK: Caller = { kind: 'key', name: 'clerk' };
const SECOND = { kind: 'key', name: 'second' } as const;
const NEVER = new AbortController().signal;

/** A life of a payer: waits for the lock, pays, and waits again until it is killed. */
export async function payerLife(world: World, payouts: PayoutWorld, name: string): Promise<void> {
  const pool = poolOf(world, name);
  try {
    for (;;) {
      await world.scheduler.idle(name, 'standby');
      if (payouts.payerLock !== null) continue;
      payouts.payerLock = name;
      await term(world, payouts, name, pool);
      if (payouts.payerLock === name) payouts.payerLock = null;
    }
  } catch (error) {
    if (payouts.payerLock === name) payouts.payerLock = null;
    if (!(error instanceof Crash)) world.failure ??= asError(error);
    else world.tally.crashes += 1;
  }
}

async function term(
  world: World,
  payouts: PayoutWorld,
  name: string,
  pool: pg.Pool,
): Promise<void> {
  const { random, scheduler, tally } = world;
  const deps = payerDeps(world, payouts, name, pool);
  try {
    const began = await beginPayerTerm(pool);
    // Who lost the lock mostly doesn't notice at once: that is what fencing is for.
    while (payouts.payerLock === name || random.chance(0.7)) {
      try {
        await pay(deps, began, NEVER);
      } catch (error) {
        if (!(error instanceof NotNow)) throw error;
        tally.notNow += 1;
      }
      await scheduler.idle(name, 'waiting for a nudge');
    }
  } catch (error) {
    if (!(error instanceof DatabaseAway)) throw error;
  } finally {
    await deps.signer.close();
  }
}

const payerDeps = (world: World, payouts: PayoutWorld, name: string, pool: pg.Pool): PayerDeps => ({
  pool,
  partitionId: 0,
  network: NETWORK,
  wallet: payouts.wallet.address,
  confirmations: CONFIRMATIONS,
  validitySeconds: VALIDITY_SECONDS,
  unconfirmedMax: world.seed % 3,
  batch: { payoutsMax: 5, waitMs: 0 },
  securityParameter: SECURITY_PARAMETER,
  resubmitMs: 0,
  spareOutputs: 4,
  node: nodeOf(world, payouts, name),
  signer: payouts.wallet.openSigner(),
  build: buildTransaction,
  readIdentity: identityIn(payouts),
  observe: (event) => observe(world, event),
  now: () => new Date(Date.now() + 3_600_000 * world.tally.steps),
  launch: (_txHash, submit) => submit(),
});

/** A database that was copied back is another one; the product's restore notes whose it is. */
const identityIn =
  (payouts: PayoutWorld): ReadIdentity =>
  async (db) =>
    payouts.restoredFrom === 'copy'
      ? { ...(await readIdentity(db)), generation: payouts.generation.toString() }
      : readIdentity(db);

function observe(world: World, event: PayerEvent): void {
  const { tally } = world;
  if (event.type === 'payouts_submitted') tally.attempts += 1;
  else if (event.type === 'batch_released') tally.released += 1;
  else if (event.type === 'hold_ended') tally.holdsEnded += 1;
  else if (event.type === 'fence_submitted') tally.fences += 1;
  else if (event.type === 'payout_failed') tally.payoutsFailed += 1;
  else if (event.type === 'waiting') world.lastWaiting = `${event.why} ${event.detail}`;
}

/** A life of a client: asks for payouts, again for the same, approves, cancels; and a person at the controls. */
export async function clientLife(world: World, payouts: PayoutWorld, name: string): Promise<void> {
  const { random, scheduler } = world;
  const pool = poolOf(world, name);
  try {
    for (;;) {
      for (let rest = random.between(1, 6); rest > 0; rest -= 1) {
        await scheduler.idle(name, 'resting');
      }
      await act(world, payouts, pool);
    }
  } catch (error) {
    if (!(error instanceof Crash || error instanceof DatabaseAway)) {
      world.failure ??= asError(error);
    }
  }
}

async function act(world: World, payouts: PayoutWorld, pool: pg.Pool): Promise<void> {
  const { random, tally } = world;
  const ids = [...payouts.asked.keys()];
  const what = random.below(100);
  if (world.payoutBooks?.paused === true && random.chance(0.3)) {
    await resumePayouts(pool, 'operator:sim');
    return;
  }
  if (what < 55 || ids.length === 0)
    return askFor(pool, world, payouts, newRequest(world, payouts));
  if (what < 70) return askFor(pool, world, payouts, random.pick(ids));
  if (what < 85) {
    await approvePayout(pool, random.pick(ids), SECOND);
    return;
  }
  if (what < 93) {
    const outcome = await cancelPayout(pool, random.pick(ids), CLERK);
    if (outcome.type === 'cancelled') tally.cancelled += 1;
    return;
  }
  if (what < 95) await pausePayouts(pool, 'operator:sim', 'a drill');
  else if (what < 98) await resumePayouts(pool, 'operator:sim');
  else if (world.payoutBooks?.held === true || random.chance(0.1)) {
    await requestFence(pool, 'operator:sim');
  }
}

/** Draws a payout to an address that nothing else is ever paid to. */
function newRequest(world: World, payouts: PayoutWorld): string {
  const { random } = world;
  const number = payouts.asked.size;
  const destinationAddress = makeAddress('enterprise', NETWORK.magic, random.bytes(28));
  const body: PayoutBody = {
    destinationAddress,
    amountLovelace: (random.between(1_000, 45_000) * 1_000).toString(),
    userId: random.chance(0.5) ? `user-${random.below(3)}` : null,
  };
  const checked = checkPayout(body, {
    caller: CLERK,
    idempotencyKey: `key-${number}`,
    secret: secretOf(payouts),
    network: NETWORK,
  });
  if (!checked.ok) throw new Error(checked.problem);
  payouts.asked.set(checked.request.id, { request: checked.request, accepted: false });
  payouts.destinations.add(destinationAddress);
  return checked.request.id;
}

const secretOf = ({ policy }: PayoutWorld) => {
  if (policy.idSecret === null) throw new Error('no secret');
  return policy.idSecret;
};

/** Asks, and remembers that it was answered. Who gets no answer knows nothing and may ask again. */
export async function askFor(
  pool: pg.Pool,
  world: World,
  payouts: PayoutWorld,
  id: string,
): Promise<void> {
  const asked = payouts.asked.get(id);
  if (asked === undefined) return;
  const deps = {
    policy: payouts.policy,
    minimumLovelace,
    seenUnits: new Set<string>(),
    readIdentity: identityIn(payouts),
  };
  const [outcome] = await acceptPayouts(pool, [asked.request], deps);
  world.tally.requests += 1;
  if (outcome !== undefined && isAccepted(outcome)) asked.accepted = true;
  const isAltered = payouts.altered?.id === id;
  if (outcome?.type === 'conflict' && !isAltered)
    throw new Error(`the same request conflicts: ${id}`);
}

const isAccepted = ({ type }: AcceptOutcome): boolean => type === 'created' || type === 'exists';

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));
