import { expect, test } from 'vitest';
import { devnet } from '../../../test/support/devnet.js';
import { endpointsTo } from '../../../test/support/following.js';
import { askSlotAt } from './ask-slot.js';

test('the slot of a time is told by the node’s own eras', async () => {
  const net = await devnet({ blocks: 30 });
  const tip = net.chain.blocks().at(-1)!;
  const ask = askSlotAt(endpointsTo(net));
  const { signal } = new AbortController();
  const now = await ask(new Date(), signal);
  expect(now).toBeGreaterThanOrEqual(tip.slot);
  expect(now).toBeLessThan(tip.slot + 120);
  expect(await ask(new Date(Date.now() - 100_000), signal)).toBe(
    Math.max(0, (await ask(new Date(), signal)) - 100),
  );
  expect(await ask(new Date(0), signal)).toBe(0);
});
