import { expect, test } from 'vitest';
import { RebuildImpossible } from '../rebuild/rebuild-parts.js';
import { NotComparable } from '../runs/comparison-point.js';
import { whyNot } from './impossible.js';
import { JobImpossible } from './job.js';

test.each([
  ['addresses that are not registered', new NotComparable('not registered')],
  ['a cursor that another hand changed', new NotComparable('the cursor is the origin')],
  ['a point that no node has', new RebuildImpossible('no such point')],
])('a job is not tried again because of %s', (_what, error) => {
  const impossible = whyNot(error);
  expect(impossible).toBeInstanceOf(JobImpossible);
  expect(impossible).toMatchObject({ message: error.message, cause: error });
});

test.each([
  ['books that catch up', new NotComparable('far behind', { passesByItself: true })],
  ['a node that is away', new Error('no node')],
])('a job is tried again because of %s', (_what, error) => {
  expect(whyNot(error)).toBe(error);
});
