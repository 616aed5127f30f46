/** Where a block stands on a chain. Terms: https://ogmios.dev/mini-protocols/local-chain-sync/ */

declare const unit: unique symbol;
type Unit<U extends string> = { readonly [unit]: U };

/** Slot number since genesis. Slots are not blocks: k is 2,160 blocks, about 43,200 slots. */
export type Slot = number & Unit<'slot'>;
/** Block number; a boundary block (EBB) carries its predecessor's. */
export type Height = number & Unit<'height'>;

export type Point = { readonly slot: Slot; readonly id: string };
export type PointOrOrigin = Point | 'origin';
export type Tip = { readonly slot: Slot; readonly id: string; readonly height: Height };
export type TipOrOrigin = Tip | 'origin';

/** k: no honest node rolls back more blocks than this (mainnet's value; no network has a larger one). */
export const SECURITY_PARAMETER_BLOCKS = 2160;

const HASH = /^[0-9a-f]{64}$/;

export const isHash = (text: unknown): text is string =>
  typeof text === 'string' && HASH.test(text);

/** Reads `SLOT.BLOCKHASH`, the form points have in configuration and on the command line. */
export function parsePoint(text: string): Point | undefined {
  const [slot, id, ...rest] = text.split('.');
  if (slot === undefined || rest.length > 0 || !/^\d{1,15}$/.test(slot) || !isHash(id)) {
    return undefined;
  }
  return { slot: Number(slot) as Slot, id };
}

export const showPoint = (point: PointOrOrigin): string =>
  point === 'origin' ? 'origin' : `${point.slot}.${point.id}`;

export const samePoint = (a: PointOrOrigin, b: PointOrOrigin): boolean =>
  a === 'origin' || b === 'origin' ? a === b : a.id === b.id;
