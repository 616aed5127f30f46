import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { scriptedNode } from '../../test/support/scripted-node.js';
import { askActiveSlots } from './active-slots.js';

const SECRET = 'a-key-that-nobody-may-see-0123456789';

test('who is not told the share of slots learns why, and no key, however deep an error is shown', async () => {
  const node = await scriptedNode((_, reply) => reply.error(-32_000, `no answer for ${SECRET}`));
  const ask = askActiveSlots({
    urls: [node.url],
    keys: [SECRET],
    keyHeader: null,
    keyParam: 'apikey',
  });
  const failure = await ask(new AbortController().signal).catch((error: unknown) => error);
  expect(failure).toMatchObject({ message: 'no answer for ***' });
  expect(inspect(failure, { depth: null })).not.toContain(SECRET);
});
