import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Point, Slot } from '../chain/point.js';
import { recordedChain } from './recorded.js';
import { createSession } from './session.js';

const folder = fileURLToPath(new URL('../../../shared/blocks/', import.meta.url));
const here = existsSync(folder);
if (!here) console.warn('SKIPPED: no real blocks in ../shared/blocks');

const linesOf = (file: string): string[] =>
  readFileSync(`${folder}${file}`, 'utf8').trimEnd().split('\n');

const blockOf = (line: string) =>
  (JSON.parse(line) as { result: { block: { id: string; ancestor: string; slot?: number } } })
    .result.block;

const before = (line: string): Point => {
  const { ancestor, slot } = blockOf(line);
  return { id: ancestor, slot: ((slot ?? 1) - 1) as Slot };
};

const NEXT = '{"jsonrpc":"2.0","method":"nextBlock"}';
const intersect = (points: unknown[]) =>
  JSON.stringify({ jsonrpc: '2.0', method: 'findIntersection', params: { points } });

describe.skipIf(!here)('recorded blocks', () => {
  test('are served behind their stand-in point, byte for byte, with the last one as the tip', () => {
    const lines = linesOf('chain/preview-small.ndjson');
    const standIn = before(lines[0]!);
    const session = createSession(recordedChain(lines, standIn), { version: 6 });
    expect(session.handle(intersect([standIn]))[0]).toContain(
      `"intersection":{"slot":${standIn.slot}`,
    );
    expect(session.handle(NEXT)[0]).toContain('"direction":"backward"');
    const served = lines.map(() => session.handle(NEXT)[0]);
    // The recording names its own last block as the tip, too.
    const withTip = (line: string) => line.slice(0, line.lastIndexOf(',"tip":'));
    expect(served.map((text) => withTip(text!))).toEqual(lines.map(withTip));
    expect(served[0]).toContain(`"id":"${blockOf(lines.at(-1)!).id}","height":58691}`);
    expect(session.handle(NEXT)).toEqual([]);
  });

  test('can be resumed at any block, but not at a boundary block', () => {
    const lines = linesOf('chain/01285-chunk.ndjson');
    const session = createSession(recordedChain(lines, before(lines[0]!)), { version: 6 });
    const { id, slot } = blockOf(lines[700]!);
    session.handle(intersect([{ id, slot }]));
    session.handle(NEXT);
    expect(session.handle(NEXT)[0]).toContain(blockOf(lines[701]!).id);
    const [boundary] = linesOf('single/genesis.ndjson');
    const ebb = blockOf(boundary!);
    const other = createSession(recordedChain([boundary!], before(boundary!)), { version: 6 });
    expect(other.handle(intersect([{ id: ebb.id, slot: 0 }]))[0]).toContain('"code":1000');
    other.handle(NEXT);
    expect(other.handle(NEXT)[0]).toContain(ebb.id);
  });

  test('are refused where they do not follow each other', () => {
    const lines = linesOf('chain/01285-chunk.ndjson').slice(0, 3);
    expect(() => recordedChain([lines[0]!, lines[2]!], before(lines[0]!))).toThrow(
      /doesn't follow/,
    );
    expect(() => recordedChain(['{}'], before(lines[0]!))).toThrow(/not a recorded/);
  });
});
