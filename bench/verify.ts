import { inTransaction, type Tx } from '../src/database/transaction.js';
import { rewriteDigests } from '../src/payments/digest/recompute.js';
import { SEAL_CHAINS } from '../src/reconcile/seals/seal.js';
import { sealAppended } from '../src/reconcile/seals/sealing.js';
import { verifyBooks } from '../src/reconcile/verify/verify-books.js';
import { asJson, benchCommand, howMany } from './flags.js';
import { median, openDatabase, verdict } from './surroundings.js';
import { ENTRIES_PER_USER, makeBooks } from './verify-books.js';

/**
 * How long `teller balance verify` takes over ten entries for each of many users, all of them sealed and
 * folded into a state digest. Fails where it takes longer than its target, or where sound books differ.
 */
const { users, rounds, json } = benchCommand(
  'verify',
  `Seconds that balance verify takes over ${ENTRIES_PER_USER} entries of each user, sealed and in a state digest.`,
)
  .addOption(howMany('users', 1_000_000, 'users'))
  .addOption(howMany('rounds', 3, 'verifications'))
  .addOption(asJson())
  .parse()
  .opts<{ users: number; rounds: number; json?: true }>();
const SECONDS_MAX = 30;

const say = (text: string): void => void process.stderr.write(`${text}\n`);
async function timed<T>(what: string, work: () => Promise<T>): Promise<[seconds: number, T]> {
  const began = performance.now();
  const result = await work();
  const seconds = (performance.now() - began) / 1000;
  say(`${what}: ${seconds.toFixed(1)} s`);
  return [seconds, result];
}

const database = await openDatabase();
try {
  const { pool } = database;
  const [makeSeconds] = await timed('making the books', () => makeBooks(pool, users));
  await timed('folding them into a digest', () =>
    inTransaction(pool, (tx) => rewriteDigests(tx, 0, 0)),
  );
  const leadership = {
    pool,
    signal: new AbortController().signal,
    write: <T>(work: (tx: Tx, at: Date, cursor: null) => Promise<T>) =>
      inTransaction(pool, (tx) => work(tx, new Date(), null)),
  };
  const [sealSeconds] = await timed('sealing', async () => {
    for (const chain of SEAL_CHAINS) await sealAppended(leadership, chain, () => undefined);
  });
  const times: number[] = [];
  let mismatches = 0;
  for (let round = 0; round < rounds; round += 1) {
    const [seconds, result] = await timed('verifying', () => verifyBooks(pool));
    times.push(seconds);
    mismatches += result.totalMismatches;
  }
  const seconds = median(times);
  const entries = users * ENTRIES_PER_USER;
  const holds = mismatches === 0 && seconds <= SECONDS_MAX;
  const figures = { users, entries, seconds, rounds: times, mismatches, makeSeconds, sealSeconds };
  if (json) console.log(JSON.stringify({ bench: 'verify', ...figures, holds }));
  else {
    console.log(
      `${users} users, ${entries} entries: verified in ${seconds.toFixed(1)} s (${SECONDS_MAX}: ` +
        `${verdict(seconds <= SECONDS_MAX)}); nothing differs: ${verdict(mismatches === 0)}`,
    );
  }
  if (!holds) process.exitCode = 1;
} finally {
  await database.close();
}
