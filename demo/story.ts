import { compareWithChain } from './chain-truth.js';
import { deposit, dust, fakeDeposit, giveOutAddresses, nativeTokens } from './deposits.js';
import { calmStop, leaderKilled, registrationRace, twoInstances } from './failover.js';
import { confirmedAndReversed, forkAndBack, sweep } from './forks.js';
import type { Customer } from './moves.js';
import {
  compareHotWallet,
  fundHotWallet,
  payerKilled,
  payout,
  payoutForked,
  secondPerson,
} from './payouts.js';
import { backUp, booksSpoiled, expectClean } from './proving.js';
import type { Stage } from './stage.js';
import { StoryBroken } from './wait.js';
import { ada } from './words.js';

/** No step takes longer than this on a busy machine; one that hangs must not hang the demo. */
const STEP_MS_MAX = 40_000;

/** Plays everything in order. @returns the customers, to go on playing with */
export async function tellStory(stage: Stage): Promise<readonly Customer[]> {
  await step(() => twoInstances(stage));
  const [ann, bob] = await step(() => giveOutAddresses(stage));
  await step(() => deposit(stage, ann));
  await step(() => nativeTokens(stage, bob));
  await step(() => fakeDeposit(stage, ann));
  await step(() => dust(stage, ann));
  await step(() => forkAndBack(stage, ann));
  await step(() => confirmedAndReversed(stage, bob));
  await step(() => sweep(stage, ann));
  await step(() => leaderKilled(stage, bob));
  const raced = await step(() => registrationRace(stage));
  await step(() => calmStop(stage));
  await step(() => fundHotWallet(stage));
  await step(() => payout(stage, ann));
  await step(() => secondPerson(stage));
  await step(() => payerKilled(stage));
  await step(() => payoutForked(stage));
  await step(() => closeBooks(stage, [ann.address, bob.address, ...raced]));
  await step(() => booksSpoiled(stage, ann, bob));
  await step(() => backUp(stage));
  return [ann, bob];
}

async function closeBooks(stage: Stage, addresses: readonly string[]): Promise<void> {
  const { narrator } = stage;
  narrator.chapter(
    'The books equal the chain',
    "Every unspent recorded output and every payout is compared with the simulated chain's own",
    'ledger, the hot wallet with what it paid, and every balance with the sum of its ledger entries.',
  );
  await stage.mine();
  const { outputs, lovelace } = await compareWithChain(stage, addresses);
  narrator.held(`${outputs} unspent outputs with ${ada(lovelace)} in all: the same on both sides`);
  narrator.held(await compareHotWallet(stage));
  await expectClean(stage);
}

async function step<T>(play: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new StoryBroken(`the step is not over after ${STEP_MS_MAX / 1000} s`));
    }, STEP_MS_MAX);
  });
  try {
    return await Promise.race([play(), late]);
  } finally {
    clearTimeout(timer);
  }
}
