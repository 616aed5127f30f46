import type { Books } from './books.js';
import type { Check } from './check.js';
import type { PayoutRecord } from './payouts/invariants.js';

/** 4: a balance is the sum of its entries, and entries are only ever appended. */
export function checkLedger(books: Books, before: Books | null, check: Check): void {
  const sums = new Map(
    books.sums.map((sum) => [`${sum.user_id} ${sum.unit} ${sum.bucket}`, sum.total]),
  );
  for (const balance of books.balances) {
    for (const bucket of ['available', 'held', 'pending'] as const) {
      const key = `${balance.user_id} ${balance.unit} ${bucket}`;
      check(
        (sums.get(key) ?? '0') === balance[bucket],
        `4: ${key} is ${balance[bucket]}, its entries say ${sums.get(key)}`,
      );
      sums.delete(key);
    }
  }
  check(sums.size === 0, `4: entries without a balance: ${[...sums.keys()].join()}`);
  if (before === null) return;
  for (const [id, digest] of Object.entries(before.entries)) {
    check(books.entries[id] === digest, `4: ledger entry ${id} was changed or is gone`);
  }
}

/** 2: what users have is what their payments on the chain make it, once. */
export function checkBalances(books: Books, payouts: readonly PayoutRecord[], check: Check): void {
  type Sum = { pending: bigint; available: bigint; held: bigint };
  const expected = new Map<string, Sum>();
  const sumOf = (key: string): Sum => {
    const sum = expected.get(key) ?? { pending: 0n, available: 0n, held: 0n };
    expected.set(key, sum);
    return sum;
  };
  for (const payment of books.payments) {
    const bucket =
      payment.status === 'pending'
        ? 'pending'
        : payment.status === 'confirmed'
          ? 'available'
          : null;
    if (bucket === null) continue;
    const amounts = [['lovelace', payment.amount_lovelace], ...Object.entries(payment.assets)];
    for (const [unit = '', amount = '0'] of amounts) {
      sumOf(`${payment.user_id} ${unit}`)[bucket] += BigInt(amount);
    }
  }
  for (const payout of payouts) {
    if (payout.user === null || !payout.booked) continue;
    const held = BigInt(payout.amount) + BigInt(payout.held_fee);
    const fee = BigInt(payout.fee ?? 0) < BigInt(payout.held_fee) ? payout.fee : payout.held_fee;
    const sum = sumOf(`${payout.user} lovelace`);
    if (payout.status === 'confirmed') sum.available -= BigInt(payout.amount) + BigInt(fee ?? 0);
    else {
      sum.available -= held;
      sum.held += held;
    }
  }
  for (const balance of books.balances) {
    const sum = sumOf(`${balance.user_id} ${balance.unit}`);
    check(
      balance.pending === sum.pending.toString() &&
        balance.available === sum.available.toString() &&
        balance.held === sum.held.toString(),
      `2: ${balance.user_id} has ${balance.pending} pending, ${balance.available} available and ${balance.held} held ${balance.unit}, its payments and payouts make ${sum.pending}, ${sum.available} and ${sum.held}`,
    );
    expected.delete(`${balance.user_id} ${balance.unit}`);
  }
  check(expected.size === 0, `2: payments without a balance: ${[...expected.keys()].join()}`);
}
