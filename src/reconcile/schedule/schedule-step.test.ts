import { describe, expect, test } from 'vitest';
import { ATTEMPTS_MAX, nextStep, type Remembered } from './schedule-step.js';

const at = (text: string): Date => new Date(`2026-06-${text}:00Z`);
const due = at('02T03:00');
const now = at('02T03:10');

const remembered = (more: Partial<Remembered> = {}): Remembered => ({
  lastDue: due,
  attempt: 1,
  outcome: 'done',
  endedAt: at('02T03:09'),
  ...more,
});

describe('what is done of a schedule', () => {
  test('is nothing but a note in a new database', () => {
    expect(nextStep(null, due, now)).toEqual({ type: 'note', due });
  });

  test('is nothing for a time that was run or noted', () => {
    const nothing = { type: 'wait', retryAt: null };
    expect(nextStep(remembered(), due, now)).toEqual(nothing);
    const noted = remembered({ outcome: 'noted', attempt: 0, endedAt: null });
    expect(nextStep(noted, due, now)).toEqual(nothing);
    expect(nextStep(remembered({ lastDue: at('02T04:00') }), due, now)).toEqual(nothing);
  });

  test('is one run for all that was missed, whatever became of the time before', () => {
    for (const outcome of ['noted', 'running', 'done', 'failed'] as const) {
      const before = remembered({ lastDue: at('01T03:00'), attempt: ATTEMPTS_MAX, outcome });
      expect(nextStep(before, due, now)).toEqual({ type: 'run', due, attempt: 1 });
    }
  });

  test('is another attempt some minutes after one that failed, later after each', () => {
    const failed = (attempt: number) => remembered({ outcome: 'failed', attempt });
    expect(nextStep(failed(1), due, now)).toEqual({ type: 'wait', retryAt: at('02T03:14') });
    expect(nextStep(failed(1), due, at('02T03:14'))).toEqual({ type: 'run', due, attempt: 2 });
    expect(nextStep(failed(3), due, now)).toEqual({ type: 'wait', retryAt: at('02T03:24') });
  });

  test('is to go on at once where a leader left one behind', () => {
    const left = remembered({ outcome: 'running', attempt: 2, endedAt: null });
    expect(nextStep(left, due, now)).toEqual({ type: 'run', due, attempt: 3 });
  });

  test('is not tried for ever', () => {
    for (const outcome of ['running', 'failed'] as const) {
      const last = remembered({ outcome, attempt: ATTEMPTS_MAX });
      expect(nextStep(last, due, at('03T02:59'))).toEqual({ type: 'wait', retryAt: null });
    }
  });
});
