/**
 * JSON with exact integers. `JSON.parse` rounds what passes 2^53 without a word, and amounts do.
 *
 * Wide integers are put into marked strings before `JSON.parse`, which `exactInteger` reads again.
 * Libraries that build exact values recurse, and anyone may put a list nested 16,000 deep into a
 * transaction's metadata: their stack would overflow, and one block would stop the chain. This is a
 * flat scan, and V8's `JSON.parse` without a reviver doesn't recurse either.
 */
export const parseExactJson = (text: string): unknown =>
  JSON.parse(MAY_HOLD_WIDE.test(text) ? markWideIntegers(text) : text);

/** Nearly no answer holds one: amounts of 16 digits are a thousand million ada. */
const MAY_HOLD_WIDE = /(?:^|[\s:,[])-?\d{16}/;

/** 2^53 - 1 has 16 digits: shorter integers are exact as they are. */
const WIDE_DIGITS = 16;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const WIDE_INTEGER = /^-?\d{16,}$/;
const MARKED_INTEGER = /^#-?\d+$/;

/** Reads an integer that `parseExactJson` left as number or marked string; undefined for anything else. */
export function exactInteger(value: unknown): bigint | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  if (typeof value === 'string' && MARKED_INTEGER.test(value)) return BigInt(value.slice(1));
  return undefined;
}

function markWideIntegers(text: string): string {
  let marked = '';
  let copied = 0;
  let from = 0;
  while (from < text.length) {
    const quote = text.indexOf('"', from);
    const until = quote === -1 ? text.length : quote;
    if (until - from >= WIDE_DIGITS) {
      for (const found of text.slice(from, until).matchAll(NUMBER)) {
        if (!WIDE_INTEGER.test(found[0])) continue;
        const start = from + found.index;
        marked += `${text.slice(copied, start)}"#${found[0]}"`;
        copied = start + found[0].length;
      }
    }
    if (quote === -1) break;
    from = endOfString(text, quote + 1);
  }
  return copied === 0 ? text : marked + text.slice(copied);
}

/** Position behind the closing quote of the string whose content starts at `from`. */
function endOfString(text: string, from: number): number {
  let quote = text.indexOf('"', from);
  while (quote !== -1) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === 0x5c) backslashes += 1;
    if (backslashes % 2 === 0) return quote + 1;
    quote = text.indexOf('"', quote + 1);
  }
  return text.length;
}
