import { SECURITY_PARAMETER_BLOCKS } from '../chain/point.js';

/** What a text says, or what was wanted instead. */
export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly wanted: string };
export const got = <T>(value: T): Read<T> => ({ ok: true, value });
export const wanted = (text: string): Read<never> => ({ ok: false, wanted: text });

export const whole =
  (least: number, most: number) =>
  (text: string): Read<number> => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= least && value <= most
      ? got(value)
      : wanted(`a whole number, ${least} to ${most}`);
  };

/** Healthy chains part for a block or two, wherever two pools led the same slot. */
export const GUARD_DEPTH_MIN = 3;

export function offOrBlocks(text: string): Read<'off' | number> {
  if (text === 'off') return got(text);
  const blocks = whole(GUARD_DEPTH_MIN, SECURITY_PARAMETER_BLOCKS)(text);
  return blocks.ok
    ? blocks
    : wanted(`off, or a whole number, ${GUARD_DEPTH_MIN} to ${SECURITY_PARAMETER_BLOCKS}`);
}

export const onOrOff = (text: string): Read<boolean> =>
  text === 'on' || text === 'off' ? got(text === 'on') : wanted('on or off');
