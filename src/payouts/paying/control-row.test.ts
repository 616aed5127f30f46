import { describe, expect, test } from 'vitest';
import { K, type Paying, payingInTests, VALIDITY_SECONDS } from '../../../test/support/paying.js';
import { pausePayouts, requestFence, resumePayouts } from '../accepting/pause.js';
import { beginPayerTerm } from './term-queries.js';

let world: Paying;
payingInTests('treasury', (opened) => {
  world = opened;
});

const failureOf = (doing: Promise<unknown>): Promise<string> =>
  doing.then(
    () => 'nothing failed',
    (error: unknown) => String(error),
  );

/** Does what the message says to do, word by word. */
const followAdvice = (message: string): Promise<unknown> =>
  world.query(/`((?:insert|update) [^`]+)`/.exec(message)?.[1] ?? 'no advice');

const CONTROL = `
  select paused_at is not null as paused, held_at is not null as held, fence_generation as generation
    from payout_control`;

describe('a payer whose epochs another hand used up', () => {
  test('says so, and pays once what it says was done', async () => {
    await world.fund(60);
    const id = await world.ask(5);
    await world.query('update payout_control set payer_epoch = 9223372036854775807');
    const message = await failureOf(beginPayerTerm(world.pool));
    expect(message).toMatch(/payer_epoch in payout_control is 9223372036854775807.*Another hand/);
    await followAdvice(message);
    await world.takeOver();
    await world.pay();
    expect(await world.status(id)).toBe('submitted');
    for (let block = 0; block < 3; block += 1) {
      await world.pay();
      await world.mine();
    }
    expect(await world.status(id)).toBe('confirmed');
    expect(await world.attempts(id)).toHaveLength(1);
    expect(await world.paid(id)).toBe(1);
  });
});

describe('a payer whose control row another hand deleted', () => {
  const lose = async (): Promise<string> => {
    await world.query('delete from payout_control');
    const messages = [
      await failureOf(world.pay()),
      await failureOf(beginPayerTerm(world.pool)),
      await failureOf(pausePayouts(world.pool, 'operator:test', null)),
      await failureOf(resumePayouts(world.pool, 'operator:test')),
      await failureOf(requestFence(world.pool, 'operator:test')),
    ];
    expect(new Set(messages).size).toBe(1);
    return messages[0] ?? '';
  };

  test('waits for a person, then until nothing signed before can land, and pays once', async () => {
    await world.fund(60, 60);
    await pausePayouts(world.pool, 'operator:ann', 'an audit is under way');
    const id = await world.ask(5);
    await followAdvice(await lose());
    await world.takeOver();
    await world.mineMany(VALIDITY_SECONDS / 20 + K + 1);
    expect(await world.pay()).toBe('paused');
    await resumePayouts(world.pool, 'operator:ann');
    for (let block = 0; block < VALIDITY_SECONDS / 20 + K; block += 1) {
      expect(await world.pay()).toBe('held');
      expect(await world.attempts(id)).toEqual([]);
      await world.mine();
    }
    await world.pay();
    await world.pay();
    expect(await world.attempts(id)).toHaveLength(1);
    await world.mineMany(3);
    expect(await world.status(id)).toBe('confirmed');
  });

  test('goes on soon after another fence, which is told from the ones before', async () => {
    await world.fund(60, 60);
    const id = await world.ask(5);
    const fence = async (): Promise<void> => {
      await requestFence(world.pool, 'operator:test');
      for (let round = 0; round < 3; round += 1) await world.pay();
      await world.mineMany(3);
      await world.pay();
    };
    await fence();
    expect(await world.query(CONTROL)).toEqual([{ paused: false, held: false, generation: 1 }]);
    await followAdvice(await lose());
    expect(await world.query(CONTROL)).toEqual([{ paused: true, held: true, generation: 1 }]);
    await world.takeOver();
    await resumePayouts(world.pool, 'operator:test');
    await fence();
    expect(await world.query(CONTROL)).toEqual([{ paused: false, held: false, generation: 2 }]);
    await world.pay();
    await world.mineMany(3);
    expect(await world.status(id)).toBe('confirmed');
    expect(await world.paid(id)).toBe(1);
  });
});
