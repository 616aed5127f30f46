import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { PlanOutdated } from '../payouts/paying/attempt.js';
import { beginPayerTerm, NotNow } from '../payouts/paying/term-queries.js';
import { SigningRefused } from '../payouts/signing/signer.js';
import type { UnsignedTransaction } from '../payouts/transaction/transaction.js';
import {
  draftTidying,
  obstacleToTidying,
  readTidying,
  submitTidying,
  type TidyingState,
} from '../payouts/wallet/tidying.js';
import type { Tidying } from '../payouts/wallet/tidying-plan.js';
import { withDatabase } from './database.js';
import { finish, type VerbContext } from './flags.js';
import { counted, EXIT, type Terminal } from './terminal.js';
import type { ActFlags } from './wallet.js';
import {
  openSignerOf,
  type PlanDeps,
  payerDeps,
  planDeps,
  Refused,
  SETTINGS,
  type Settings,
  SIGNER_SETTINGS,
  type SignerSettings,
  takeOffice,
} from './wallet-payer.js';
import { sayDraft, sayOutcome } from './wallet-words.js';

const LOOK_EVERY_MS = 500;
const LINE_EVERY_MS = 3_000;

/** Transactions of the wallet to itself: shown, or signed and submitted as the payer would. */
export async function tidyWallet(
  context: VerbContext,
  flags: ActFlags,
  tidying: Tidying,
): Promise<void> {
  const { terminal } = context;
  const isDry = flags.dryRun === true;
  const names = isDry ? SETTINGS : ([...SETTINGS, ...SIGNER_SETTINGS] as const);
  await withDatabase(terminal, names, async ({ pool, settings }) => {
    const deps = planDeps(pool, settings);
    try {
      if (isDry) return sayDraft(terminal, flags, await draft(deps, tidying));
      if (!('signer' in settings)) throw new Error('the settings of the signer were not read');
      const hashes = await act(terminal, deps, tidying, settings);
      const states = flags.wait
        ? await untilInBlocks(terminal, pool, hashes, flags.timeout * 1000)
        : await readTidying(pool, hashes);
      sayOutcome(terminal, flags, states);
      if (flags.wait && !states.every(isInBlock)) finish(context, EXIT.failed);
    } catch (error) {
      if (!isExpected(error)) throw error;
      terminal.err(`teller: ${error.message}\n`);
      finish(context, EXIT.failed);
    } finally {
      deps.node.close();
    }
  });
}

const isExpected = (error: unknown): error is Error =>
  error instanceof Refused ||
  error instanceof NotNow ||
  error instanceof PlanOutdated ||
  error instanceof SigningRefused;

const isInBlock = ({ blockHeight }: TidyingState): boolean => blockHeight !== null;

async function draft(deps: PlanDeps, tidying: Tidying): Promise<readonly UnsignedTransaction[]> {
  const drafted = await draftTidying(deps, tidying, new AbortController().signal).catch(
    (error: unknown) => {
      throw new Refused(`the node can't be asked: ${messageOf(error)}`);
    },
  );
  if ('problem' in drafted) throw new Refused(drafted.problem);
  return drafted.transactions;
}

/** Answers the transactions that were written down, which are the payer's to look after from then on. */
async function act(
  terminal: Terminal,
  deps: PlanDeps,
  tidying: Tidying,
  settings: Settings & SignerSettings,
): Promise<string[]> {
  const obstacle = await obstacleToTidying(deps.pool);
  if (obstacle !== null) throw new Refused(obstacle);
  const signer = await openSignerOf(settings, deps.wallet);
  const directUrl = settings.databaseDirectUrl.reveal();
  const lock = await takeOffice(directUrl, deps).catch(async (error: unknown) => {
    await signer.close();
    throw error;
  });
  const hashes: string[] = [];
  try {
    const transactions = await draft(deps, tidying);
    const term = await beginPayerTerm(deps.pool);
    const payer = payerDeps(deps, signer, (txHash) => hashes.push(txHash));
    await submitTidying(payer, term, transactions, lock.lost);
  } catch (error) {
    if (hashes.length === 0) throw error;
    // What was written down lands whatever became of the rest.
    const done = `only ${counted(hashes.length, 'transaction')} went out`;
    terminal.err(`teller: ${done}: ${messageOf(error)}\n`);
  } finally {
    await lock.release();
    await signer.close();
  }
  return hashes;
}

/** Follows what the books say; who keeps them is another process. */
async function untilInBlocks(
  terminal: Terminal,
  pool: Pool,
  hashes: readonly string[],
  timeoutMs: number,
): Promise<TidyingState[]> {
  const begun = Date.now();
  let told = begun;
  for (;;) {
    const states = await readTidying(pool, hashes);
    const waited = Date.now() - begun;
    if (states.every(isInBlock) || waited >= timeoutMs) return states;
    if (Date.now() - told >= LINE_EVERY_MS) {
      told = Date.now();
      const done = states.filter(isInBlock).length;
      const answer = states.find((state) => !isInBlock(state))?.lastAnswer ?? 'none yet';
      terminal.err(
        `${Math.round(waited / 1000)} s: ${done} of ${counted(hashes.length, 'transaction')} in a block; ` +
          `the node's answer: ${answer}\n`,
      );
    }
    await sleep(Math.min(LOOK_EVERY_MS, timeoutMs - waited));
  }
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
