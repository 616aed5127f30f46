import type { Command } from 'commander';
import { tellStatus } from '../health/status.js';
import { readSyncState } from '../health/sync-state.js';
import { countAll } from '../payments/reads.js';
import { readVersion } from '../version.js';
import { withDatabase } from './database.js';
import { type JsonFlag, type VerbContext, withExample } from './flags.js';
import { sayFields, sayJson } from './terminal.js';

/** From the database alone: who leads and how its connection is, only the instances themselves know. */
export function addStatusVerb(program: Command, { terminal }: VerbContext): void {
  const command = program
    .command('status')
    .description('how far the books are, and what is in them')
    .action((flags: JsonFlag) =>
      withDatabase(terminal, ['partitionId'], async ({ pool, settings }) => {
        const state = await readSyncState(pool, settings.partitionId);
        const counts = await countAll(pool);
        const network = state?.network ?? null;
        const status = tellStatus({ version: readVersion(), network, vitals: null, state, counts });
        if (flags.json === true) return sayJson(terminal, status);
        sayFields(terminal, {
          version: status.version,
          network,
          'leader epoch': status.leaderEpoch,
          'recorded up to': status.cursor?.height ?? null,
          'tip of the chain': status.tip?.height ?? null,
          'blocks behind': status.lag,
          'last change': status.updatedAt,
          'watched addresses': status.watchedAddresses,
          ...Object.fromEntries(
            Object.entries(status.payments ?? {}).map(([name, count]) => [
              `${name} payments`,
              count,
            ]),
          ),
        });
      }),
    );
  withExample(command, 'teller status', 'teller status --json | jq .lag');
}
