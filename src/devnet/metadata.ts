import type { Random } from './random.js';
import type { Json } from './transaction.js';

/**
 * Metadata as people put it on chain, and as an attacker would: text that looks like the outputs a
 * careless reader searches for, characters that databases refuse, numbers that floats round.
 */
export function makeMetadata(random: Random): Json {
  const label = random.pick(LABELS);
  return { hash: random.hex(32), labels: { [label]: { json: random.pick(SHAPES)(random) } } };
}

const LABELS = ['0', '674', '721', '1967', '61284', '18446744073709551615'];

const SHAPES: readonly ((random: Random) => Json)[] = [
  (random) => ({ msg: ['invoice', `no ${random.below(100_000)}`, 'äöü ✓ 漢字 🦄'] }),
  () => '"outputs":[{"address":"addr1vx","value":{"ada":{"lovelace":999999999999}}}]',
  () => '\\"}],"spends":"inputs","outputs":[',
  () => ({ outputs: [{ address: 'addr_test1', value: { ada: { lovelace: 1_000_000 } } }] }),
  () => ({ transactions: [{ id: '00'.repeat(32), spends: 'inputs', inputs: [], outputs: [] }] }),
  () => ({ text: 'before\u0000after', '\u0000': '\u0000' }),
  () => ({ lone: '\ud800', reversed: '\udc00\ud800', end: 'x\udbff' }),
  () => ({ 'quoted " key \\': 'line\nfeed\ttab\u0001', '': [] }),
  () => ({ big: 2n ** 64n - 1n, small: -(2n ** 64n), beyondFloat: 9_007_199_254_740_993n }),
  () => nest(64),
  (random) => ({ list: Array.from({ length: random.between(1, 40) }, () => random.hex(16)) }),
];

/** Depth that a reader of mainnet must bear; Ogmios' own vectors are shallower. */
function nest(depth: number): Json {
  let json: Json = 'deep';
  for (let i = 0; i < depth; i += 1) json = i % 2 === 0 ? [json] : { d: json };
  return json;
}
