import { type Books, referenceOf } from './books.js';
import type { Check } from './check.js';

/** Told before is only ever what another hand told: whoever tells twice by itself has a fault. */
export function checkToldOnce({ toldBefore }: Books, check: Check): void {
  check(toldBefore.length === 0, `8: was to be told again: ${toldBefore.join()}`);
}

/** 8: told is exactly what happened: each inclusion detected, and its end, once. */
export function checkEvents(books: Books, check: Check): void {
  const told = new Set(books.events.map((event) => event.event_key));
  check(told.size === books.events.length, '8: an event was told twice');
  const known = new Map(books.payments.map((row) => [referenceOf(row), row]));
  for (const payment of books.payments) {
    if (payment.status === 'ignored') continue;
    const reference = referenceOf(payment);
    const everTold = told.has(`payment.detected:${reference}:${payment.inclusion}`);
    // Dust that was rolled back: nothing was ever told of it.
    if (!everTold && payment.status === 'rolled_back') continue;
    for (let inclusion = 1; inclusion <= payment.inclusion; inclusion += 1) {
      const has = (type: string): boolean => told.has(`${type}:${reference}:${inclusion}`);
      const last = inclusion === payment.inclusion;
      // It didn't count then, as what was there before, and counts since it came in a block.
      if (!last && !['detected', 'confirmed', 'rolled_back'].some((one) => has(`payment.${one}`))) {
        continue;
      }
      check(has('payment.detected'), `8: inclusion ${inclusion} of ${reference} was not told`);
      check(
        has('payment.rolled_back') === (!last || payment.status === 'rolled_back'),
        `8: ${reference}:${inclusion} is ${payment.status}, rolled_back told: ${has('payment.rolled_back')}`,
      );
      if (last && payment.status !== 'rolled_back') {
        check(
          has('payment.confirmed') === (payment.status === 'confirmed'),
          `8: ${reference} is ${payment.status}, confirmed told: ${has('payment.confirmed')}`,
        );
      }
    }
  }
  for (const key of told) {
    const reference = key.split(':')[1] ?? '';
    const row = known.get(reference);
    check(
      row !== undefined && Number(key.split(':')[2]) <= row.inclusion,
      `8: ${key} was told and never happened`,
    );
  }
}

/** After another hand changed the rows only what was told says what had been confirmed. What it invented isn't read. */
export const toldConfirmed = ({ events }: Books): ReadonlySet<string> =>
  new Set(
    events.flatMap(({ event_key: key }) =>
      key.startsWith('payment.confirmed:') ? key.slice('payment.confirmed:'.length) : [],
    ),
  );
