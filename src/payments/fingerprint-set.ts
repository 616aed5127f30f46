/**
 * A set of strings without false negatives, in 4 bytes an entry plus room to grow: ten million
 * addresses take 128 MiB. It keeps 32-bit fingerprints, so a hit may be false (at ten million entries
 * once in 400 look-ups) and is confirmed against the database. Nothing is ever removed.
 */
export type FingerprintSet = {
  readonly add: (text: string) => void;
  readonly mayHave: (text: string) => boolean;
  /** Fingerprints, not strings: two strings that share one count once. */
  readonly size: number;
};

const INITIAL_SLOTS = 1 << 10;
/** Linear probing stays short up to here. */
const FILL_MAX = 0.6;

export function createFingerprintSet(): FingerprintSet {
  let slots = new Uint32Array(INITIAL_SLOTS);
  let size = 0;

  const place = (fingerprint: number): boolean => {
    const mask = slots.length - 1;
    for (let slot = spread(fingerprint) & mask; ; slot = (slot + 1) & mask) {
      const found = slots[slot];
      if (found === fingerprint) return false;
      if (found === 0) {
        slots[slot] = fingerprint;
        return true;
      }
    }
  };

  const grow = (): void => {
    const before = slots;
    slots = new Uint32Array(before.length * 2);
    for (const fingerprint of before) if (fingerprint !== 0) place(fingerprint);
  };

  return {
    add(text) {
      if (size >= slots.length * FILL_MAX) grow();
      if (place(fingerprintOf(text))) size += 1;
    },
    mayHave(text) {
      const fingerprint = fingerprintOf(text);
      const mask = slots.length - 1;
      for (let slot = spread(fingerprint) & mask; ; slot = (slot + 1) & mask) {
        const found = slots[slot];
        if (found === fingerprint) return true;
        if (found === 0) return false;
      }
    },
    get size() {
      return size;
    },
  };
}

/** FNV-1a over UTF-16 units; 0 marks a free slot, so it is mapped to 1. */
function fingerprintOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let position = 0; position < text.length; position += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(position), 0x01000193);
  }
  return hash >>> 0 === 0 ? 1 : hash >>> 0;
}

/** FNV's low bits are weak; neighbours must not cluster. */
const spread = (fingerprint: number): number =>
  Math.imul(fingerprint ^ (fingerprint >>> 15), 0x2c1b3c6d) >>> 0;
