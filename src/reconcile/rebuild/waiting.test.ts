import { afterAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase } from '../../../test/support/database.js';
import { devnet } from '../../../test/support/devnet.js';
import { NETWORK } from '../../../test/support/following.js';
import {
  askRebuild,
  doRebuilds,
  emptyBooks,
  endOf,
  rebuildDeps,
  startWorker,
  untilFollowed,
} from '../../../test/support/rebuilding.js';
import { createLeadership } from '../../sync/leadership.js';
import { beginTerm } from '../../sync/queries.js';
import { readJob } from '../jobs/job-queries.js';

const database = await createTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(() => emptyBooks(pool));

test('a rebuild that has read more than the books have says so, and goes on once they get there', async () => {
  const net = await devnet({ blocks: 3 });
  const following = startWorker(database, net);
  await untilFollowed(pool, net);
  await following.stop();
  for (let block = 0; block < 4; block += 1) net.mine();
  const above = net.chain.blocks().at(-3);

  // Somebody leads, and nobody follows.
  const term = await beginTerm(pool, 0, 1, NETWORK);
  if ('refused' in term) throw new Error(term.refused);
  const end = new AbortController();
  const leadership = createLeadership(pool, term, () => undefined, end.signal);
  const id = await askRebuild(pool, { from: `${above?.slot}.${above?.id}` });
  const working = doRebuilds(rebuildDeps(net))(leadership);
  await expect
    .poll(async () => (await readJob(pool, id))?.progress.stage, { timeout: 10_000 })
    .toBe('waiting');
  end.abort(new Error('the term is over'));
  await working;

  startWorker(database, net, { leading: [doRebuilds(rebuildDeps(net))] });
  expect(await endOf(pool, id)).toMatchObject({ state: 'done', result: { open: 0 } });
}, 40_000);
