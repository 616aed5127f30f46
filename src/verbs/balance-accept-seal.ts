import type { Command } from 'commander';
import type { Pool } from 'pg';
import { inTransaction } from '../database/transaction.js';
import { actorOf } from '../payouts/model/identity.js';
import { type ChangedRows, changedRows, hashOfSeal } from '../reconcile/seals/check-queries.js';
import { acceptLoss, acceptSeals } from '../reconcile/seals/check-seals.js';
import { SEAL_CHAINS, type SealChain } from '../reconcile/seals/seal.js';
import { operator } from './caller.js';
import { withDatabase } from './database.js';
import { finish, type JsonFlag, type VerbContext, withExample } from './flags.js';
import { counted, EXIT, sayJson, UsageError } from './terminal.js';

type Flags = JsonFlag & { readonly reason: string };

export function addAcceptSeal(balance: Command, context: VerbContext): void {
  withExample(
    balance
      .command('accept-seal <seal>')
      .description(
        'answers for rows that are not what was sealed, or a seal that is not what was noted of it, CHAIN/SEAL as `balance verify` names it: as they ' +
          'are now they count from then on, which is written down with your name; what was sealed stays',
      )
      .requiredOption('--reason <text>', 'who changed them, and why they are right as they are')
      .action((given: string, flags: Flags) => accept(context, given, flags)),
    'teller balance accept-seal ledger/12 --reason "restored by hand on 2026-05-02, ticket 77"',
  );
}

type Place = { readonly chain: SealChain; readonly seal: number };
type Outcome =
  | { readonly type: 'accepted'; readonly rows: ChangedRows }
  /** The seal itself was noted otherwise, or is gone. */
  | { readonly type: 'loss_accepted' }
  | { readonly type: 'unchanged' }
  | { readonly type: 'not_found' };

async function accept(context: VerbContext, given: string, flags: Flags): Promise<void> {
  const { terminal } = context;
  const place = placeFrom(given);
  const reason = flags.reason.trim();
  if (reason === '') throw new UsageError('--reason: is empty; wanted why the rows are right');
  await withDatabase(terminal, [], async ({ pool }) => {
    const outcome = await acceptOne(pool, place, reason);
    if (outcome.type === 'loss_accepted') {
      const what = 'what is sealed now counts, whatever was noted of that seal';
      if (flags.json === true) sayJson(terminal, { accepted: true, ...place, reason });
      else terminal.out(`${given}: ${what}\n`);
      return;
    }
    if (outcome.type !== 'accepted') {
      const why =
        outcome.type === 'not_found'
          ? 'there is no such seal: `teller balance verify` shows those that differ'
          : 'its rows are what was sealed, or accepted as they are already';
      terminal.err(`teller: ${given}: ${why}\n`);
      return finish(context, EXIT.failed);
    }
    const { chain, seal, firstId, lastId, rowsSealed, rowsNow, hashNow } = outcome.rows;
    const rows = { chain, seal, firstId, lastId, rowsSealed, rowsNow, contentHash: hashNow };
    if (flags.json === true) return sayJson(terminal, { accepted: true, ...rows, reason });
    terminal.out(
      `${chain}/${seal}: ${counted(rowsNow, 'row')} with ids ${firstId}-${lastId}, where ` +
        `${counted(rowsSealed, 'row')} had been sealed, count as they are from now on\n`,
    );
  });
}

function placeFrom(given: string): Place {
  const [, name, digits] = /^([a-z]+)\/([1-9]\d{0,8})$/.exec(given) ?? [];
  const chain = SEAL_CHAINS.find((one) => one === name);
  if (chain !== undefined && digits !== undefined) return { chain, seal: Number(digits) };
  throw new UsageError(
    `SEAL: given ${given}, wanted CHAIN/SEAL as \`teller balance verify\` names it, ledger/12 for instance`,
  );
}

const acceptOne = (pool: Pool, { chain, seal }: Place, reason: string): Promise<Outcome> =>
  inTransaction(pool, async (tx) => {
    const { shown } = await changedRows(tx, chain, [seal, seal], 1);
    const [rows] = shown;
    if (rows === undefined) {
      const by = actorOf(operator());
      if (await acceptLoss(tx, chain, seal, by, reason)) return { type: 'loss_accepted' };
      const isThere = (await hashOfSeal(tx, chain, seal)) !== null;
      return { type: isThere ? 'unchanged' : 'not_found' };
    }
    await acceptSeals(tx, new Date(), [{ chain, seal }], actorOf(operator()), reason);
    return { type: 'accepted', rows };
  });
