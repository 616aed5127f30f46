import { parsePoint, showPoint } from '../../../src/chain/point.js';
import type { DevnetBlock } from '../../../src/devnet/chain.js';
import { type Job, readJob, requestJob } from '../../../src/reconcile/jobs/job-queries.js';
import type { Books } from '../books.js';
import type { Expectation } from '../invariants.js';
import { isFilling, soundness, type World } from '../state.js';
import { isMisplaced } from './cursor-state.js';
import { didNothing, healedItsPart, toldTheTruth, unsoundness } from './errand-truth.js';
import type { Errand, Proofs } from './state.js';

const ERRAND = 'an errand';

/** Whether somebody waits for a job that isn't about healing. */
export const hasErrand = ({ proofs }: World): boolean => (proofs?.errand ?? null) !== null;

/** Where another hand changes the books mostly then, in `spoil`. */
export async function askNowAndThen(world: World): Promise<void> {
  const { proofs, corrupts } = world;
  if (proofs?.random.chance(corrupts ? 0.001 : 0.01) === true) await askForErrand(world, proofs);
}

/** Somebody asks what a rebuild would change, or has a part of the books set right, whatever they are like. */
export async function askForErrand(world: World, proofs: Proofs): Promise<void> {
  const { books, pool } = world;
  const isBegun = world.started && books !== null && books.addresses.length > 0;
  if (!isBegun || proofs.errand !== null || isFilling(world) || isMisplaced(world)) return;
  const what = proofs.random.pick(['dry run', 'dry run', 'rebuild', 'repair'] as const);
  const addresses = what === 'repair' ? someAddresses(world, proofs, books) : [];
  const from = what === 'repair' ? null : placeToBegin(world, proofs, what === 'dry run');
  const id = await requestJob(pool, {
    partitionId: 0,
    kind: what === 'repair' ? 'repair' : 'rebuild',
    params: what === 'repair' ? { addresses } : { from, dryRun: what === 'dry run' },
    requestedBy: ERRAND,
  });
  const wasRight = (await unsoundness(world, world.payoutBooks?.payouts ?? [])).length === 0;
  proofs.errand = { id, what, from, addresses, wasRight, ...momentOf(world) };
}

const momentOf = (world: World): Pick<Errand, 'sound' | 'corrupted' | 'turns'> => {
  const { corruptions, healings, restores, alterations } = world.tally;
  return {
    sound: soundness(world),
    corrupted: world.corrupted,
    turns: [corruptions, healings, restores, alterations].join(),
  };
};

function someAddresses({ hotWallet }: World, { random }: Proofs, books: Books): string[] {
  const all = [...books.addresses.map(({ address }) => address).sort(), hotWallet];
  return [...new Set(Array.from({ length: random.between(1, 4) }, () => random.pick(all)))];
}

/** A block that the books may have, or so many days ago. */
function placeToBegin(
  { chain, books, corrupted }: World,
  { random }: Proofs,
  orOrigin: boolean,
): string {
  const height = Number(books?.state?.last_block_height ?? 0);
  const blocks = chain.blocks().filter((one) => one.type !== 'ebb' && one.height <= height);
  const below = corrupted === null ? [] : belowRows(blocks, books);
  if (below.length > 0 && random.chance(0.5)) return showPoint(random.pick(below).point);
  const kind = random.pick(orOrigin ? ['origin', 'point', 'days'] : ['point', 'days']);
  if (kind === 'origin' || blocks.length === 0) return 'origin';
  return kind === 'days' ? `${random.below(9)}d` : showPoint(random.pick(blocks).point);
}

/** Right above them lies what somebody may have changed. */
function belowRows(blocks: readonly DevnetBlock[], books: Books | null): readonly DevnetBlock[] {
  const made = new Set(books?.payments.map((row) => row.block_hash));
  return blocks.filter((_, position) => made.has(blocks[position + 1]?.id ?? null));
}

type Commit = {
  readonly before: Books | null;
  readonly now: Books;
  readonly payouts: Expectation['payouts'];
};

/** After every commit: what somebody asked for has ended as it must; empty where it hasn't ended, or all is well. */
export async function errandViolations(world: World, commit: Commit): Promise<string[]> {
  const { proofs, pool, tally } = world;
  const errand = proofs?.errand ?? null;
  if (proofs === null || errand === null) return [];
  const job = await readJob(pool, errand.id);
  const { sound, corrupted, turns } = momentOf(world);
  // A restored database knows nothing of it.
  const isForgotten = job?.requestedBy !== ERRAND;
  if (!isForgotten && (job.state === 'queued' || job.state === 'running')) return [];
  proofs.errand = null;
  if (isForgotten) return [];
  const isSame = turns === errand.turns;
  const broken = await judge(world, errand, job, commit, {
    isSound: isSame && sound !== null && sound === errand.sound,
    isCorrupted: isSame && corrupted !== null && corrupted === errand.corrupted,
  });
  tally.errands += 1;
  return broken.map((one) => `${errand.what} from ${errand.from}: ${one}: ${JSON.stringify(job)}`);
}

/** What the books were like all the time. */
type Meanwhile = { readonly isSound: boolean; readonly isCorrupted: boolean };

async function judge(
  world: World,
  errand: Errand,
  job: Job,
  { before, now, payouts }: Commit,
  { isSound, isCorrupted }: Meanwhile,
): Promise<string[]> {
  if (job.state !== 'done') {
    world.tally.errandsRefused += 1;
    return mayBeLost(world, errand, now) ? [] : ['it was refused'];
  }
  if (isSound) return didNothing(world, errand, job);
  if (!isCorrupted) return [];
  if (errand.what === 'dry run') {
    const broken = await unsoundness(world, payouts);
    return toldTheTruth(world, errand, job, broken);
  }
  return healedItsPart(world, errand, job, { before, now });
}

/** Whether the block that it was to begin at may have been left by a fork. */
function mayBeLost({ chain, guard }: World, { from }: Errand, { blocks }: Books): boolean {
  if (from === null || from === 'origin') return false;
  const id = parsePoint(from)?.id;
  // That many days ago it was another block; and under a guard blocks may come back.
  if (id === undefined || guard !== null) return true;
  return chain.indexOf(id) === undefined || blocks.every(({ hash }) => hash !== id);
}
