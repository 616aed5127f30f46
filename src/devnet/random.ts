/**
 * The only source of chance in the devnet: one seed, one sequence, on every machine. sfc32 because it
 * needs nothing but 32-bit integer arithmetic, which every engine does alike.
 */
export type Random = {
  /** An integer from 0 to 2^32-1. */
  readonly uint32: () => number;
  /** An integer from 0 to `bound - 1`; `bound` up to 2^32. */
  readonly below: (bound: number) => number;
  /** An integer from `least` to `most`, both included. */
  readonly between: (least: number, most: number) => number;
  /** A bigint from 0 to `bound - 1n`, of any size. */
  readonly bigBelow: (bound: bigint) => bigint;
  /** True once in `1 / probability` times. */
  readonly chance: (probability: number) => boolean;
  pick<T>(items: readonly T[]): T;
  readonly bytes: (length: number) => Uint8Array;
  /** Lower-case hex of `length` bytes. */
  readonly hex: (length: number) => string;
};

export function createRandom(seed: number | string): Random {
  const uint32 = sfc32(seed);
  const below = (bound: number): number => Math.floor((uint32() / 0x1_0000_0000) * bound);
  const bytes = (length: number): Uint8Array => {
    const result = new Uint8Array(length);
    for (let at = 0; at < length; at += 4) {
      const word = uint32();
      for (let i = 0; i < 4 && at + i < length; i += 1) result[at + i] = (word >>> (8 * i)) & 0xff;
    }
    return result;
  };
  return {
    uint32,
    below,
    between: (least, most) => least + below(most - least + 1),
    bigBelow: (bound) => {
      let value = 0n;
      // 64 bits more than needed make the remainder's bias too small to ever matter.
      for (let bits = bound.toString(2).length + 64; bits > 0; bits -= 32) {
        value = (value << 32n) | BigInt(uint32());
      }
      return value % bound;
    },
    chance: (probability) => uint32() < probability * 0x1_0000_0000,
    pick: (items) => {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error('nothing to pick from');
      return item;
    },
    bytes,
    hex: (length) => Buffer.from(bytes(length)).toString('hex'),
  };
}

/** Chris Doty-Humphrey's small fast counting generator, seeded through a string hash. */
function sfc32(seed: number | string): () => number {
  const hash = stringHash(String(seed));
  let [a, b, c, counter] = [hash(), hash(), hash(), 1];
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  // The first outputs still show the seed; the generator's author asks for twelve rounds.
  for (let round = 0; round < 12; round += 1) next();
  return next;
}

/** FNV-1a, then the murmur3 finalizer for each further word asked for. */
function stringHash(text: string): () => number {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  }
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let word = state;
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    return (word ^ (word >>> 16)) | 0;
  };
}
