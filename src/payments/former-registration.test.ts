import { describe, expect, test } from 'vitest';
import { type AuditedRegistration, formerOf } from './former-registration.js';

const FIRST: AuditedRegistration = {
  id: 10n,
  userId: 'ann',
  reference: null,
  backfill: false,
  watchedFrom: 440n,
};
const entry = (more: Partial<AuditedRegistration>): AuditedRegistration => ({ ...FIRST, ...more });

describe('from when on an address counts that was registered before', () => {
  test.each<[string, readonly AuditedRegistration[], bigint | null]>([
    ['as the registration says', [FIRST], 440n],
    ['as the first of several says', [FIRST, entry({ id: 20n, watchedFrom: 447n })], 440n],
    [
      'as the registration says that a person settled',
      [FIRST, entry({ id: 20n, userId: 'bob', watchedFrom: null })],
      440n,
    ],
    [
      'as the first says that gave it to its user',
      [FIRST, entry({ id: 20n, userId: 'bob', watchedFrom: 447n })],
      447n,
    ],
    ['nobody knows, where no version wrote it down', [entry({ watchedFrom: null })], null],
    [
      'as the first says that tells it',
      [entry({ watchedFrom: null }), entry({ id: 20n, watchedFrom: 447n })],
      447n,
    ],
  ])('%s', (_, entries, watchedFrom) => {
    expect(formerOf(entries, [], [])).toMatchObject({ watchedFrom });
  });

  test('is lowered by rollbacks since, and by none before', () => {
    const lowered = [
      { id: 9n, height: 430n },
      { id: 11n, height: 438n },
      { id: 30n, height: 439n },
    ];
    const again = entry({ id: 20n, watchedFrom: 447n });
    expect(formerOf([FIRST, again], [], lowered)).toMatchObject({ watchedFrom: 438n });
  });
});

test('its past counts where that was asked for, first or later, and not by another registration', () => {
  const again = entry({ id: 20n, backfill: true });
  expect(formerOf([FIRST, again], [], [])).toMatchObject({ backfill: false });
  expect(formerOf([FIRST], [9n], [])).toMatchObject({ backfill: false });
  expect(formerOf([FIRST], [11n], [])).toMatchObject({ backfill: true });
  expect(formerOf([entry({ backfill: true }), FIRST], [], [])).toMatchObject({ backfill: true });
});

test('it is whose the last registration says, and nobody’s where that names nobody', () => {
  const settled = entry({ id: 20n, userId: 'bob', watchedFrom: null });
  expect(formerOf([FIRST, settled], [], [])).toMatchObject({ userId: 'bob', since: 10n });
  expect(formerOf([entry({ userId: null })], [], [])).toBeNull();
  expect(formerOf([], [], [])).toBeNull();
});
