/** Consumes, and freezes in the middle of the jobs: to be killed with one of them in its hands. */
import { writeSync } from 'node:fs';
import { pino } from 'pino';
import { Secret } from '../../src/config/secret.js';
import { openQueue } from '../../src/payouts/queue/queue.js';

const [databaseUrl = '', redisUrl] = process.argv.slice(2);
const queue = await openQueue(
  {
    redisUrl: redisUrl === undefined ? null : new Secret(redisUrl),
    databaseDirectUrl: new Secret(databaseUrl),
  },
  pino({ level: 'silent' }),
);
let looks = 0;
await queue.consume(() => {
  looks += 1;
  // The first look says that the connection is there, the second one that jobs are coming.
  if (looks > 1) {
    writeSync(1, 'frozen\n');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  }
  return Promise.resolve();
}, new AbortController().signal);
