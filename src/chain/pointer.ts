/** Where a stake key was registered, as a pointer address names it: slot, transaction, certificate. */
export type Pointer = {
  readonly slot: number;
  readonly transactionIndex: number;
  readonly certificateIndex: number;
};

export type ReadPointer =
  | { readonly pointer: Pointer; readonly problem: undefined }
  | { readonly pointer: undefined; readonly problem: string };

/** What the ledger keeps (Word32, Word16, Word16); more was thrown away by nodes, so it names nothing. */
const LIMITS = [0xffff_ffff, 0xffff, 0xffff] as const;

/** Three numbers, each in groups of seven bits, the highest first (CIP-19, "Pointers"). */
export function readPointer(bytes: Uint8Array): ReadPointer {
  const numbers: number[] = [];
  let value = 0;
  let atStart = true;
  for (const byte of bytes) {
    const limit = LIMITS[numbers.length];
    if (limit === undefined) return refuse('has bytes behind its pointer');
    if (atStart && byte === 0x80) return refuse('writes its pointer with leading zeros');
    value = value * 0x80 + (byte & 0x7f);
    if (value > limit) return refuse('has a pointer out of range');
    atStart = byte < 0x80;
    if (atStart) {
      numbers.push(value);
      value = 0;
    }
  }
  const [slot, transactionIndex, certificateIndex] = numbers;
  if (slot === undefined || transactionIndex === undefined || certificateIndex === undefined) {
    return refuse('has an incomplete pointer');
  }
  // Only a number that isn't finished can follow the third: it began, so its bytes are too many.
  if (!atStart) return refuse('has bytes behind its pointer');
  return { pointer: { slot, transactionIndex, certificateIndex }, problem: undefined };
}

const refuse = (problem: string): ReadPointer => ({ pointer: undefined, problem });
