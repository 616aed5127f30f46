import { z } from 'zod';
import { toJson } from './json.js';
import type { Json } from './transaction.js';

const times = z.int().min(1).default(1);

/** What a submission is answered with that deserves another answer. */
const refusal = {
  code: z.int().default(3997),
  data: z.json().default({ error: 'Something else went wrong.' }),
};

/** How a refused key shows: HTTP status at the upgrade, WebSocket close code, or a JSON-RPC error. */
export const REFUSALS = [401, 403, 1008, 4001, 4003, 4401, 4403, 'error'] as const;

/** All that can go wrong on request. What has `times` ends by itself, the rest when it is healed. */
export const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('drop'), code: z.int().min(1000).max(4999).optional() }),
  z.strictObject({ kind: z.literal('halfOpen') }),
  z.strictObject({ kind: z.literal('stall') }),
  z.strictObject({ kind: z.literal('slow'), delayMs: z.int().min(1).max(60_000) }),
  z.strictObject({
    kind: z.literal('refuseKey'),
    how: z.literal(REFUSALS).default(401),
    key: z.string().optional(),
  }),
  z.strictObject({ kind: z.literal('garbage'), times }),
  z.strictObject({ kind: z.literal('truncatedJson'), times }),
  z.strictObject({ kind: z.literal('truncatedFrame'), times }),
  z.strictObject({ kind: z.literal('undecodable'), times }),
  z.strictObject({
    kind: z.literal('rpcError'),
    times,
    code: z.int().default(-32_000),
    message: z.string().default('Internal error.'),
  }),
  z.strictObject({
    kind: z.literal('syncing'),
    behind: z.int().min(1),
    synchronization: z.number().min(0).max(0.99999).default(0.5),
  }),
  z.strictObject({ kind: z.literal('oldTip'), behind: z.int().min(1) }),
  z.strictObject({ kind: z.literal('submitLate'), times, delayMs: z.int().min(1).max(600_000) }),
  z.strictObject({ kind: z.literal('submitUnanswered'), times }),
  z.strictObject({
    kind: z.literal('submitMisreported'),
    times,
    ...refusal,
    message: z.string().default('The mempool does not take the transaction; see the data.'),
  }),
  z.strictObject({ kind: z.literal('submitRefused'), times, ...refusal }),
  z.strictObject({ kind: z.literal('submitForgotten'), times }),
  z.strictObject({ kind: z.literal('mempoolFull') }),
  z.strictObject({ kind: z.literal('congestion') }),
]);

export type Fault = z.output<typeof faultSchema>;
export type FaultKind = Fault['kind'];
export type Refusal = (typeof REFUSALS)[number];

/** What is to be done with one answer. */
export type Delivery =
  | { readonly type: 'send'; readonly text: string }
  /** A frame that announces all of the text and ends in the middle, and with it the connection. */
  | { readonly type: 'truncatedFrame'; readonly text: string }
  /** Others may overtake it. */
  | { readonly type: 'later'; readonly text: string; readonly delayMs: number }
  | { readonly type: 'nothing' };

/** What is to be done with a transaction that is submitted. */
export type Reception =
  | { readonly type: 'judge' }
  /** Answered as if it were in the mempool, and gone. */
  | { readonly type: 'forget' }
  | { readonly type: 'full' }
  | { readonly type: 'refuse'; readonly code: number; readonly data: Json };

/** The faults of one server that last or wait for their turn. No I/O: the server asks and acts. */
export type Faults = {
  readonly list: () => Fault[];
  readonly set: (fault: Fault) => void;
  /** Ends one kind of fault, or all of them. */
  readonly heal: (kind?: FaultKind) => void;
  readonly stalled: boolean;
  readonly delayMs: number;
  /** Blocks that the node is behind its chain. */
  readonly behind: number;
  /** As `/health` tells it: 1 is in step. */
  readonly synchronization: number;
  readonly refusal: (key: string | undefined) => Refusal | undefined;
  /** Whether blocks leave out what was submitted. */
  readonly congested: boolean;
  /** To be asked once for each transaction that is submitted. */
  readonly receive: () => Reception;
  readonly deliver: (answer: string) => Delivery;
};

export function createFaults(): Faults {
  const active = new Map<FaultKind, Fault>();
  const find = <K extends FaultKind>(kind: K) =>
    active.get(kind) as Extract<Fault, { kind: K }> | undefined;
  /** Uses a fault once; the last use ends it. */
  const use = (fault: Extract<Fault, { times: number }>): void => {
    if (fault.times <= 1) active.delete(fault.kind);
    else active.set(fault.kind, { ...fault, times: fault.times - 1 });
  };
  return {
    list: () => [...active.values()],
    set: (fault) => void active.set(fault.kind, fault),
    heal: (kind) => {
      if (kind === undefined) active.clear();
      else active.delete(kind);
    },
    get stalled() {
      return active.has('stall');
    },
    get delayMs() {
      return find('slow')?.delayMs ?? 0;
    },
    get behind() {
      return Math.max(find('syncing')?.behind ?? 0, find('oldTip')?.behind ?? 0);
    },
    get synchronization() {
      return find('syncing')?.synchronization ?? 1;
    },
    refusal: (key) => {
      const fault = find('refuseKey');
      return fault !== undefined && (fault.key === undefined || fault.key === key)
        ? fault.how
        : undefined;
    },
    get congested() {
      return active.has('congestion');
    },
    receive: () => {
      const fault = find('submitRefused') ?? find('submitForgotten');
      if (active.has('mempoolFull')) return { type: 'full' };
      if (fault === undefined) return { type: 'judge' };
      use(fault);
      const { kind } = fault;
      return kind === 'submitForgotten' ? { type: 'forget' } : { type: 'refuse', ...fault };
    },
    deliver: (answer) => {
      const submitted = isSubmission(answer)
        ? (find('submitUnanswered') ?? find('submitMisreported') ?? find('submitLate'))
        : undefined;
      if (submitted !== undefined) {
        use(submitted);
        return deliverSubmission(answer, submitted);
      }
      const frame = find('truncatedFrame');
      if (frame !== undefined) {
        use(frame);
        return { type: 'truncatedFrame', text: answer };
      }
      const text = find('garbage') ?? find('truncatedJson') ?? find('rpcError');
      const block = isForward(answer) ? find('undecodable') : undefined;
      const fault = text ?? block;
      if (fault === undefined) return { type: 'send', text: answer };
      use(fault);
      return { type: 'send', text: spoil(answer, fault) };
    },
  };
}

const FORWARD = '{"jsonrpc":"2.0","method":"nextBlock","result":{"direction":"forward","block":{';

const isForward = (answer: string): boolean => answer.startsWith(FORWARD);

/** Of a transaction that was taken; a refusal is always told in time and as it is. */
const isSubmission = (answer: string): boolean =>
  answer.startsWith('{"jsonrpc":"2.0","method":"submitTransaction","result":');

type Spoiling = 'garbage' | 'truncatedJson' | 'undecodable' | 'rpcError';
type SubmissionFault = 'submitUnanswered' | 'submitMisreported' | 'submitLate';

function deliverSubmission(
  answer: string,
  fault: Extract<Fault, { kind: SubmissionFault }>,
): Delivery {
  switch (fault.kind) {
    case 'submitUnanswered':
      return { type: 'nothing' };
    case 'submitLate':
      return { type: 'later', text: answer, delayMs: fault.delayMs };
    case 'submitMisreported': {
      const error = toJson({ code: fault.code, message: fault.message, data: fault.data });
      const text = `{"jsonrpc":"2.0","method":"submitTransaction","error":${error},"id":${idOf(answer)}}`;
      return { type: 'send', text };
    }
  }
}

function spoil(answer: string, fault: Extract<Fault, { kind: Spoiling }>): string {
  switch (fault.kind) {
    case 'garbage':
      return '\u0000<html><body>502 Bad Gateway</body></html> {"jsonrpc"';
    case 'truncatedJson':
      return answer.slice(0, Math.floor(answer.length / 2));
    case 'undecodable':
      // Well-formed, and of a type that no reader can know.
      return answer.replace('"block":{"type":"', '"block":{"type":"unheard-of-');
    case 'rpcError':
      return rpcError(answer, fault.code, fault.message);
  }
}

const rpcError = (answer: string, code: number, message: string): string =>
  `{"jsonrpc":"2.0","error":{"code":${code},"message":${JSON.stringify(message)}},"id":${idOf(answer)}}`;

/** The id stands last in every answer. */
const idOf = (answer: string): string => answer.slice(answer.lastIndexOf(',"id":') + 6, -1);
