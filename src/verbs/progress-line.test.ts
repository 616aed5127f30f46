import { expect, test } from 'vitest';
import { startProgress } from './progress.js';
import { showSeconds, startLine } from './progress-line.js';

/** A terminal, what was told on it, and a clock to turn. */
function watched(isInteractive: boolean) {
  const said: string[] = [];
  const clock = { now: 0 };
  const err = (text: string): void => void said.push(text);
  const out = (): void => {
    throw new Error('progress never goes to where answers go');
  };
  return { said, clock, terminal: { environment: {}, out, err, isInteractive } };
}

test.each([
  [false, 3_000, ['two\n'], []],
  [true, 200, ['\r\u001b[Ktwo'], ['\r\u001b[K']],
])(
  'a line is told when it is time to (drawn over: %s), and then made room for',
  (isInteractive, every, lines, clear) => {
    const { said, clock, terminal } = watched(isInteractive);
    const line = startLine(terminal, () => clock.now);
    clock.now = every - 1;
    line.say(() => {
      throw new Error('nobody looks at it yet');
    });
    clock.now = every;
    line.say(() => 'two');
    clock.now += every - 1;
    line.say(() => 'three');
    expect(said).toEqual(lines);
    line.stop();
    line.stop();
    expect(said).toEqual([...lines, ...clear]);
  },
);

test.each([
  [false, '50 rows, 10/s, 25 %, 15 s left\n'],
  [true, '\r\u001b[K[######..................] 50 rows, 10/s, 25 %, 15 s left'],
])('progress has a bar only where a person watches: %s', (isInteractive, line) => {
  const { said, clock, terminal } = watched(isInteractive);
  const progress = startProgress(terminal, 'rows', 200, () => clock.now);
  clock.now = 5_000;
  progress.advance(50, 50);
  expect(said).toEqual([line]);
});

test.each([
  [0.2, '1 s'],
  [119, '119 s'],
  [121, '3 min'],
])('%d seconds are shown as %s', (seconds, shown) => {
  expect(showSeconds(seconds)).toBe(shown);
});
