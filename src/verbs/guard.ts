import type { Command } from 'commander';
import type { Pool } from 'pg';
import { readClock } from '../database/clock-queries.js';
import { type GuardRow, readGuard } from '../guard/guard-queries.js';
import type { Reason } from '../guard/reasons.js';
import { releaseGuard } from '../guard/release.js';
import { tellGuard } from '../health/guard-status.js';
import { actorOf } from '../payouts/model/identity.js';
import { operator } from './caller.js';
import { withDatabase } from './database.js';
import { type JsonFlag, time, type VerbContext, withExample } from './flags.js';
import { sayFields, sayJson, type Terminal, UsageError } from './terminal.js';

export function addGuardVerbs(program: Command, { terminal }: VerbContext): void {
  const guard = program
    .command('guard')
    .description('whether the chain is relied on, what its witnesses say, and who let what pass')
    .action((flags: JsonFlag) =>
      withDatabase(terminal, ['partitionId'], async ({ pool, settings }) => {
        const row = await readGuard(pool, settings.partitionId);
        if (flags.json === true) return sayJson(terminal, tellGuard(row));
        sayFields(terminal, fieldsOfGuard(row, Date.now()));
      }),
    );
  withExample(guard, 'teller guard', 'teller guard --json | jq .reasons');
  withExample(
    guard
      .command('release')
      .description('lets confirming and paying go on although something is wrong with the chain')
      .requiredOption('--reason <text>', 'why that is safe; it is kept with your name')
      .option(
        '--as-of <time>',
        'when you looked, ISO 8601, not in the future: what began since then goes on holding; default: all of it passes',
        time,
      )
      .action((flags: ReleaseFlags, command: Command) =>
        release(terminal, flags, command.optsWithGlobals<JsonFlag>().json === true),
      ),
    'teller guard release --as-of 2026-01-31T12:00:00Z --reason "explorers name our chain"',
    'teller guard release --reason "explorers and the foundation name our chain"',
  );
}

type ReleaseFlags = JsonFlag & { readonly reason: string; readonly asOf?: Date };

async function release(terminal: Terminal, flags: ReleaseFlags, json: boolean): Promise<void> {
  const why = flags.reason.trim();
  if (why === '') throw new UsageError('--reason: wanted why it is safe to go on');
  await withDatabase(terminal, ['partitionId'], async ({ pool, settings }) => {
    if (flags.asOf !== undefined) await refuseFuture(pool, flags.asOf);
    const { changed, guard, passed } = await releaseGuard(
      pool,
      settings.partitionId,
      actorOf(operator()),
      why,
      flags.asOf ?? null,
    );
    if (json) {
      const details = passed.map(({ detail }) => detail);
      return sayJson(terminal, { released: changed, passed: details, ...tellGuard(guard) });
    }
    terminal.out(releaseWords(guard, passed));
  });
}

/** By how much the clock that a person looked at may be ahead of the database's. */
const CLOCKS_APART_MS_MAX = 5_000;

/** Nobody has looked then yet: what begins until then would be let pass unseen. */
async function refuseFuture(pool: Pool, asOf: Date): Promise<void> {
  const now = await readClock(pool);
  if (asOf.getTime() - now.getTime() <= CLOCKS_APART_MS_MAX) return;
  throw new UsageError(
    `--as-of: given ${asOf.toISOString()}, which is yet to come (the database's clock says ${now.toISOString()}); ` +
      'wanted when you looked at what is wrong with the chain: what began since then goes on holding',
  );
}

function releaseWords({ heldAt, reasons }: GuardRow, passed: readonly Reason[]): string {
  const holding = reasons.filter(({ released }) => released === null);
  const list = (those: readonly Reason[]): string =>
    those.map(({ detail, since }) => `  ${detail} (since ${since})\n`).join('');
  const said = passed.length === 0 ? '' : `let pass:\n${list(passed)}`;
  if (heldAt !== null) {
    const nothing = passed.length === 0 ? 'nothing was let pass; ' : '';
    return `${said}${nothing}the chain is still held, by what began later:\n${list(holding)}`;
  }
  if (passed.length === 0) return 'nothing was held\n';
  return (
    `${said}confirming and paying go on; what is wrong now holds nothing until it was over, ` +
    'or the chains part at another block, or ours goes back to where they part\n'
  );
}

function fieldsOfGuard(
  { heldAt, reasons, witnesses, densityUnknown, releasedAt, releasedBy }: GuardRow,
  now: number,
): Record<string, string> {
  const fields: Record<string, string> = {
    'chain held': heldAt === null ? 'no' : `since ${heldAt.toISOString()}`,
  };
  for (const [i, { detail, since, released }] of reasons.entries()) {
    const passed = released === null ? '' : `, let pass by ${released.by}: ${released.why}`;
    fields[`reason ${i + 1}`] = `${detail} (since ${since}${passed})`;
  }
  for (const { witness, verdict, heardAt } of witnesses) {
    fields[witness] = `${verdict} (heard ${ago(heardAt, now)}, at ${heardAt})`;
  }
  if (densityUnknown !== null) {
    fields['thin hours'] = `not told, no node says how dense a healthy chain is: ${densityUnknown}`;
  }
  if (releasedAt !== null) {
    fields['last release'] = `${releasedAt.toISOString()} by ${releasedBy ?? '-'}`;
  }
  return fields;
}

/** Clocks of two machines may differ by a little. */
const ago = (time: string, now: number): string =>
  `${Math.max(0, Math.round((now - Date.parse(time)) / 1_000))} s ago`;
