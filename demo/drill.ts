/** `npm run drill`: loses the database with everything in it, and shows what comes back and how soon. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BACKUP_SETS, type BackupSet } from '../src/reconcile/backup/backup-sets.js';
import { runDrill } from './drill-story.js';
import { createNarrator } from './narrator.js';
import { StoryBroken } from './wait.js';

const EXIT_INTERRUPTED = 130;
const EXIT_BAD_USAGE = 2;
const USAGE = `Usage: npm run drill [-- --customers NUMBER] [--set ${BACKUP_SETS.join('|')}]`;

const stopping = new AbortController();
const narrator = createNarrator(process.stdout);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => stopping.abort(new Error(signal)));
}
process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (options === 'help') return 0;
  if (options === undefined) return EXIT_BAD_USAGE;
  const closers: (() => Promise<unknown>)[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'teller-drill-'));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const stage = { ...options, folder, narrator, signal: stopping.signal };
  try {
    await runDrill(stage, (close) => closers.push(close));
    return 0;
  } catch (error) {
    if (stopping.signal.aborted) return EXIT_INTERRUPTED;
    narrator.failed(error instanceof StoryBroken ? error.message : ((error as Error).stack ?? ''));
    return 1;
  } finally {
    stopping.abort(new Error('the end'));
    for (const close of closers.reverse()) await close();
    narrator.plain('Nothing is left running.');
  }
}

function readOptions(): { customers: number; set: BackupSet } | 'help' | undefined {
  try {
    const {
      customers,
      set: given,
      help,
    } = parseArgs({
      options: {
        customers: { type: 'string', default: '1000' },
        set: { type: 'string', default: 'critical' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
    if (help) {
      console.log(USAGE);
      return 'help';
    }
    const count = Number(customers);
    const set = BACKUP_SETS.find((one) => one === given);
    if (set === undefined) throw new Error(`--set: given ${given}`);
    if (!Number.isInteger(count) || count < 2) throw new Error(`--customers: given ${customers}`);
    return { customers: count, set };
  } catch (error) {
    console.error(`${String(error)}\n${USAGE}`);
    return undefined;
  }
}
