import type { PayoutView } from '../src/payouts/model/payout.js';
import type { Instance } from './instance.js';
import { StoryBroken } from './wait.js';

/** A payment as `/v1/payments` shows it; the fields that the demo reads. */
export type PaymentView = {
  readonly txHash: string;
  readonly outputIndex: number;
  readonly address: string;
  readonly userId: string;
  readonly amountLovelace: string;
  readonly assets: Readonly<Record<string, string>>;
  readonly status: string;
  readonly confirmations: number;
  readonly requiredConfirmations: number;
  readonly blockHeight: number | null;
  readonly spentBy: string | null;
};

export type BalanceView = {
  readonly unit: string;
  readonly available: string;
  readonly held: string;
  readonly pending: string;
};

export type EntryView = {
  readonly unit: string;
  readonly bucket: string;
  readonly type: 'credit' | 'debit';
  readonly amount: string;
  readonly reason: string;
};

/** Body of `POST /v1/payouts`; without `userId` it is the company's own money. */
export type WantedPayout = {
  readonly destinationAddress: string;
  readonly amountLovelace: string;
  readonly userId?: string;
};

export type PayoutAnswer = { readonly status: number; readonly payout: PayoutView };

type Answer = { readonly status: number; readonly body: unknown };

/** The company's side: it talks to a worker as any backend does, over HTTP with a key. */
export type Api = {
  readonly register: (address: string, userId: string, via?: Instance) => Promise<Answer>;
  readonly payment: (txHash: string, outputIndex: number) => Promise<PaymentView | undefined>;
  /** Every payment there is, page by page. */
  readonly payments: () => Promise<PaymentView[]>;
  /** What a user has of a unit; zeros where there is nothing. */
  readonly balance: (userId: string, unit?: string) => Promise<BalanceView>;
  readonly ledger: (userId: string) => Promise<EntryView[]>;
  /** Asks for a payout; the same again is the same payout. */
  readonly askPayout: (idempotencyKey: string, wanted: WantedPayout) => Promise<PayoutAnswer>;
  readonly payout: (id: string) => Promise<PayoutView>;
  readonly payouts: () => Promise<PayoutView[]>;
  /** @param as the approver's key; the backend's where it isn't given */
  readonly approve: (id: string, as?: string) => Promise<Answer>;
};

const REQUEST_MS_MAX = 5_000;
const NOTHING = { available: '0', held: '0', pending: '0' };

/** @param pick an instance that answers now; any of them will do */
export function createApi(key: string, pick: () => Instance): Api {
  const call = async (path: string, sent: Sent = {}): Promise<Answer> => {
    const { body, via = pick(), as = key, headers = {} } = sent;
    const response = await fetch(`${via.url ?? ''}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${as}`, 'content-type': 'application/json', ...headers },
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
  const read = async (path: string): Promise<unknown> => {
    const { status, body } = await call(path);
    if (status !== 200) throw new StoryBroken(`GET ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  };
  const readAll = async (path: string): Promise<unknown[]> => {
    const all: unknown[] = [];
    let cursor: string | null = null;
    do {
      const from: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = (await read(`${path}?limit=500${from}`)) as Page;
      all.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return all;
  };
  return {
    register: (address, userId, via) =>
      call('/v1/addresses', { body: { address, userId }, ...(via === undefined ? {} : { via }) }),
    payment: async (txHash, outputIndex) => {
      const { status, body } = await call(`/v1/payments/${txHash}/${outputIndex}`);
      return status === 200 ? (body as PaymentView) : undefined;
    },
    payments: async () => (await readAll('/v1/payments')) as PaymentView[],
    balance: async (userId, unit = 'lovelace') => {
      const { balances } = (await read(`/v1/users/${userId}/balances`)) as {
        balances: BalanceView[];
      };
      return balances.find((balance) => balance.unit === unit) ?? { unit, ...NOTHING };
    },
    ledger: async (userId) => (await readAll(`/v1/users/${userId}/ledger`)) as EntryView[],
    askPayout: async (idempotencyKey, body) => {
      const headers = { 'idempotency-key': idempotencyKey };
      const answer = await call('/v1/payouts', { body, headers });
      if (answer.status < 300) return { ...answer, payout: answer.body as PayoutView };
      throw new StoryBroken(`POST /v1/payouts: ${answer.status} ${JSON.stringify(answer.body)}`);
    },
    payout: async (id) => (await read(`/v1/payouts/${id}`)) as PayoutView,
    payouts: async () => (await readAll('/v1/payouts')) as PayoutView[],
    approve: (id, as = key) => call(`/v1/payouts/${id}/approve`, { body: {}, as }),
  };
}

type Sent = {
  readonly body?: unknown;
  readonly via?: Instance;
  readonly as?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

type Page = { readonly items: readonly unknown[]; readonly nextCursor: string | null };
