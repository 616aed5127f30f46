import { describe, expect, test } from 'vitest';
import { DeadlineError, shared, withDeadline } from './in-flight.js';

const never = new Promise<never>(() => undefined);

describe('a deadline', () => {
  test('lets an answer through that comes in time', async () => {
    expect(await withDeadline(Promise.resolve(7), 1000)).toBe(7);
    await expect(withDeadline(Promise.reject(new Error('no')), 1000)).rejects.toThrow('no');
  });

  test('ends the wait for one that does not', async () => {
    await expect(withDeadline(never, 10)).rejects.toThrow(DeadlineError);
  });
});

describe('a shared question', () => {
  test('is asked once for all that wait', async () => {
    let asked = 0;
    const answers: ((value: number) => void)[] = [];
    const ask = shared(
      () => {
        asked += 1;
        return new Promise<number>((resolve) => answers.push(resolve));
      },
      0,
      0,
      () => 0,
    );
    const waiting = [ask(), ask(), ask()];
    answers[0]?.(7);
    expect(await Promise.all(waiting)).toEqual([7, 7, 7]);
    expect(asked).toBe(1);
  });

  test('that hangs collects no more of its kind', async () => {
    let asked = 0;
    const ask = shared(
      () => {
        asked += 1;
        return never;
      },
      0,
      0,
      () => 0,
    );
    for (let probe = 0; probe < 5; probe += 1) {
      await expect(withDeadline(ask(), 1)).rejects.toThrow(DeadlineError);
    }
    expect(asked).toBe(1);
  });

  test('rests in proportion to what it cost', async () => {
    let clock = 0;
    let asked = 0;
    const ask = shared(
      () => {
        asked += 1;
        clock += 1000;
        return Promise.resolve(asked);
      },
      100,
      20,
      () => clock,
    );
    expect(await ask()).toBe(1);
    clock += 19_999;
    expect(await ask()).toBe(1);
    clock += 1;
    expect(await ask()).toBe(2);
  });

  test('that failed is asked again', async () => {
    let asked = 0;
    const ask = shared(
      () => {
        asked += 1;
        return asked === 1 ? Promise.reject(new Error('no')) : Promise.resolve(asked);
      },
      1000,
      0,
      () => 0,
    );
    await expect(ask()).rejects.toThrow('no');
    expect(await ask()).toBe(2);
  });
});
