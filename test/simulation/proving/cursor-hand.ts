import type pg from 'pg';
import { readCursorProblem } from '../../../src/payments/cursor/cursor-queries.js';
import { alone } from '../alone.js';
import type { Books } from '../books.js';
import { isFilling, type World } from '../state.js';
import type { CursorHand, Misplaced } from './cursor-state.js';
import { hasErrand } from './errands.js';

/** Who follows takes this first of all locks, also where there is no row to hold. */
const FIRST = 'lock table sync_state in exclusive mode nowait';

const TO_NOWHERE = 'last_slot = null, last_block_hash = null, last_block_height = null';
/** Not far below, so that something lies above. */
const BACK = `
  update sync_state s set last_slot = b.slot, last_block_hash = b.hash, last_block_height = b.height
    from blocks b
   where not b.boundary and b.height = (
     select height from blocks where height < s.last_block_height and height >= s.last_block_height - 6
        and not boundary order by md5($1 || hash) limit 1)`;

/** `$1` chooses. */
const WAYS: Readonly<Record<string, readonly string[]>> = {
  lost: ['delete from blocks', 'delete from block_checkpoints', 'delete from sync_state'],
  'said not to be chosen yet': ['update sync_state set started = false'],
  'said to be in a new database': [
    `update sync_state set started = false, start_height = null, ${TO_NOWHERE}`,
  ],
  'said to be the origin': [`update sync_state set ${TO_NOWHERE}`],
  'set back': [BACK],
  'set back with its headers': [
    BACK,
    'delete from blocks where height > (select last_block_height from sync_state)',
  ],
  'set forward': [
    `update sync_state set last_slot = last_slot + 60, last_block_height = last_block_height + 3,
            last_block_hash = md5($1) || md5(last_block_hash)`,
  ],
  'given another hash': ['update sync_state set last_block_hash = md5($1) || md5(last_block_hash)'],
  'given another slot': ['update sync_state set last_slot = last_slot + 1'],
  'raised by one': ['update sync_state set last_block_height = last_block_height + 1'],
  'raised by far': ['update sync_state set last_block_height = last_block_height + 10000'],
  'lowered by one': ['update sync_state set last_block_height = last_block_height - 1'],
  'left without a height': ['update sync_state set last_block_height = null'],
};

/** Another hand misplaces the cursor now and then; a person puts back what nobody finds again by himself. */
export async function moveCursorHand(world: World): Promise<void> {
  const { cursorHand, faultsOn, tally, started } = world;
  if (cursorHand === null) return;
  const { random, misplaced } = cursorHand;
  if (misplaced !== null) {
    if (!faultsOn || tally.steps >= misplaced.fromStep) await putBack(world, misplaced);
    return;
  }
  const isQuiet =
    world.corrupted === null &&
    !isFilling(world) &&
    !hasErrand(world) &&
    (world.payouts?.altered ?? null) === null;
  if (faultsOn && started && isQuiet && random.chance(0.01)) await misplace(world, cursorHand);
}

async function misplace(world: World, hand: CursorHand): Promise<void> {
  const { books, tally, pool } = world;
  const { random } = hand;
  if (books?.state?.started !== true) return;
  const [what, changes] = random.pick(Object.entries(WAYS));
  const chosen = random.hex(8);
  const waits = random.pick([20, 100, 300]);
  const kept = await alone(pool, FIRST, async (client) => {
    const row = await cursorRow(client);
    const before = await headers(client);
    const checkpoints = (await client.query<object>('select * from block_checkpoints')).rows;
    for (const text of changes) await client.query(text, text.includes('$1') ? [chosen] : []);
    const there = new Set((await headers(client)).map(({ hash }) => hash));
    // Of some nothing tells: a beginning without blocks, or a step back over blocks that brought nothing.
    if (row === null || (await readCursorProblem(client, 0)) === null) return null;
    return { row, checkpoints, headers: before.filter(({ hash }) => !there.has(hash)) };
  });
  if (kept === null) return;
  hand.misplaced = { what, books, ...kept, fromStep: tally.steps + waits };
  tally.cursorsMisplaced += 1;
}

const cursorRow = async (client: pg.PoolClient): Promise<object | null> =>
  (await client.query<{ row: object }>('select to_jsonb(s) as row from sync_state s for update'))
    .rows[0]?.row ?? null;

const headers = async (client: pg.PoolClient) =>
  (await client.query<{ hash: string }>('select * from blocks')).rows;

/** All that is not of a term. */
const PUT_BACK = `
  insert into sync_state select * from jsonb_populate_record(null::sync_state, $1)
      on conflict (partition_id) do update
     set started = excluded.started, last_slot = excluded.last_slot, digested = excluded.digested,
         last_block_hash = excluded.last_block_hash, last_block_height = excluded.last_block_height,
         start_height = excluded.start_height`;
const PUT_HEADERS_BACK = `
  insert into blocks select * from jsonb_populate_recordset(null::blocks, $1) on conflict do nothing`;
const PUT_CHECKPOINTS_BACK = `
  insert into block_checkpoints select * from jsonb_populate_recordset(null::block_checkpoints, $1)
      on conflict do nothing`;

/** A person puts the cursor back, where he is told that nobody else finds it. */
async function putBack(
  { pool, cursorHand, tally }: World,
  { row, headers, checkpoints, what }: Misplaced,
): Promise<void> {
  const done = await alone(pool, FIRST, async (client) => {
    const problem = await readCursorProblem(client, 0);
    if (problem === null || problem.isMended) return null;
    await client.query(PUT_BACK, [JSON.stringify(row)]);
    await client.query(PUT_HEADERS_BACK, [JSON.stringify(headers)]);
    await client.query(PUT_CHECKPOINTS_BACK, [JSON.stringify(checkpoints)]);
    const left = await readCursorProblem(client, 0);
    if (left !== null) throw new Error(`a cursor ${what} was put back, and told is ${left.wrong}`);
    return true;
  });
  if (done === null || cursorHand === null) return;
  cursorHand.misplaced = null;
  tally.cursorsPutBack += 1;
}

/** The books as they are where nobody changes the cursor: that is what has to hold all the time. */
export async function rightlyPlaced(world: World, now: Books): Promise<Books> {
  const { cursorHand, pool, tally } = world;
  const misplaced = cursorHand?.misplaced ?? null;
  if (cursorHand === null || misplaced === null) return now;
  if ((await readCursorProblem(pool, 0)) === null) {
    cursorHand.misplaced = null;
    tally.cursorsFound += 1;
    return now;
  }
  const { state, blocks } = misplaced.books;
  if (state === null) throw new Error('no cursor was misplaced');
  return { ...now, blocks, state: { ...state, leader_epoch: now.state?.leader_epoch ?? '' } };
}
