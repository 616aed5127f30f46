import type { SubmitOutcome } from './node.js';

/** An error as a node answers it. */
export type ErrorAnswer = {
  readonly code: number | null;
  readonly message: string;
  readonly data: unknown;
};

type Meaning = Exclude<SubmitOutcome['type'], 'accepted'>;

const REFUSED = 'refused';
const LOOK_AT_CHAIN = 'look_at_chain';
const PASSING = 'passing';

/**
 * What each error of `submitTransaction` means for a plain payment, by Ogmios' codes (6 and 7):
 * https://ogmios.dev/api/. One that isn't here means `unknown`.
 */
export const SUBMISSION_ERRORS: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  // Near a hard fork: the node will be in the transaction's era, or its tip isn't there yet.
  [3005, PASSING],
  ...codes(3100, 3116).map((code) => [code, REFUSED] as const),
  // Inputs that the node doesn't know are spent, perhaps by this very transaction, or not there yet.
  [3117, LOOK_AT_CHAIN],
  // By the node's tip, which may lag. Whether it is too late for good is told by our own cursor.
  [3118, PASSING],
  ...codes(3119, 3122).map((code) => [code, REFUSED] as const),
  // What an unknown input holds counts as nothing: an answer to missing inputs as much as to a wrong sum.
  [3123, LOOK_AT_CHAIN],
  ...codes(3124, 3129).map((code) => [code, REFUSED] as const),
  // A bound that isn't foreseeable from this tip will be from a later one.
  [3130, PASSING],
  ...codes(3131, 3170).map((code) => [code, REFUSED] as const),
  // The mempool's own rules. Version 7 says by it that all inputs are spent, probably by this transaction.
  [3997, LOOK_AT_CHAIN],
  [3998, REFUSED],
  // The bytes are no transaction in any era that the node knows.
  [-32602, REFUSED],
  // It wasn't understood as a request, or isn't offered there: nothing was submitted.
  [-32700, PASSING],
  [-32600, PASSING],
  [-32601, PASSING],
]);

function codes(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** What the node said against the transaction. */
export const outcomeOfError = (answer: ErrorAnswer): SubmitOutcome => ({
  type: (answer.code === null ? undefined : SUBMISSION_ERRORS.get(answer.code)) ?? 'unknown',
  reason: reasonOf(answer),
});

const MESSAGE_CHARACTERS = 200;
const DATA_CHARACTERS = 300;

function reasonOf({ code, message, data }: ErrorAnswer): string {
  const detail = data === undefined || data === null ? '' : ` ${excerpt(showJson(data))}`;
  return `${code ?? 'no code'}: ${message.slice(0, MESSAGE_CHARACTERS)}${detail}`;
}

const excerpt = (text: string): string =>
  text.length > DATA_CHARACTERS ? `${text.slice(0, DATA_CHARACTERS)}…` : text;

function showJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    // Nested deeper than the stack.
    return '';
  }
}

/** What the node said that it took. Another transaction than ours is none of our business, and no answer. */
export function outcomeOfResult(result: unknown, txHash: string): SubmitOutcome {
  const id = textAt(result, 'transaction', 'id');
  if (id === txHash) return { type: 'accepted' };
  const said = id === undefined ? 'names no transaction' : `names transaction ${id.slice(0, 64)}`;
  return { type: 'unknown', reason: `the answer ${said} where ${txHash} was submitted` };
}

function textAt(value: unknown, ...path: string[]): string | undefined {
  let at = value;
  for (const name of path) {
    at = typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined;
  }
  return typeof at === 'string' ? at : undefined;
}

/** The most informative comes first. Whoever may have taken it outweighs all who didn't. */
const WEIGHT = ['accepted', 'unknown', 'look_at_chain', 'refused', 'passing'] as const;

/**
 * What several endpoints' answers to the same bytes mean together. In this order:
 *
 * 1. `accepted` anywhere: it is in a mempool.
 * 2. `unknown` anywhere: it may be in one, whatever the others say.
 * 3. `look_at_chain`: it may be in a block already.
 * 4. `refused`: a word about the transaction, while
 * 5. `passing` is one about the endpoint and the moment.
 */
export function combineOutcomes(outcomes: readonly SubmitOutcome[]): SubmitOutcome {
  for (const type of WEIGHT) {
    const found = outcomes.filter((outcome) => outcome.type === type);
    const [first] = found;
    if (first === undefined) continue;
    if (first.type === 'accepted') return first;
    const reasons = outcomes.flatMap((one) => (one.type === 'accepted' ? [] : one.reason));
    return { type: first.type, reason: [...new Set(reasons)].join('; ') };
  }
  return { type: 'passing', reason: 'no endpoint was asked' };
}
