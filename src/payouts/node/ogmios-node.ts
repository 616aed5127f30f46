import { decodePoint } from '../../chain/decode.js';
import { decodeEraSummaries, slotAfter, slotTimeMs } from '../../chain/era-summaries.js';
import { heightOf, ProtocolError, textOf } from '../../chain/fields.js';
import { samePoint, type TipOrOrigin } from '../../chain/point.js';
import { decodeProtocolParameters } from '../../chain/protocol-parameters.js';
import { describeDatabaseError } from '../../database/pool.js';
import { createEndpointRequests, type EndpointRequests } from '../../sync/endpoint-requests.js';
import { type Endpoints, endpointName } from '../../sync/endpoints.js';
import { askNodeHealth, nodeProblem } from '../../sync/node-health.js';
import { NodeError, type NodeRequests } from '../../sync/requests.js';
import { combineOutcomes, outcomeOfError, outcomeOfResult } from './answers.js';
import type { NodeView, PayoutNode, SubmitOutcome } from './node.js';

export type OgmiosNodeDeps = {
  /** Milliseconds since 1970: by it a tip's age is told. */
  readonly now: () => number;
  /** Per endpoint. Longer than any node takes that is going to answer at all. */
  readonly submitMsMax?: number;
  /** Per question of `look`. */
  readonly lookMsMax?: number;
};

const always = () => Promise.resolve(true);

const SUBMIT_MS_MAX = 60_000;
const LOOK_MS_MAX = 10_000;

/** Ogmios, over as many endpoints as there are, in the order of preference. */
export function createOgmiosNode(
  endpoints: Endpoints,
  deps: OgmiosNodeDeps,
): PayoutNode & { close(): void } {
  const all = endpoints.urls.map((_, endpoint) => createEndpointRequests(endpoints, endpoint));
  const show = createShow(endpoints);
  return {
    look: async (signal) => {
      let lagging: NodeView | null = null;
      const failures: string[] = [];
      for (const endpoint of all) {
        try {
          const view = await lookAt(endpoint, endpoints, deps, signal);
          if (view.lag === null) return view;
          lagging ??= view;
        } catch (error) {
          failures.push(show(endpoint, error));
        }
        if (signal.aborted) break;
      }
      if (lagging !== null) return lagging;
      throw new Error(`no endpoint tells what its node knows: ${failures.join('; ')}`);
    },
    submit: async (cbor, txHash, signal, mayGoOn = always) => {
      const outcomes: SubmitOutcome[] = [];
      for (const endpoint of all) {
        const tell = (outcome: SubmitOutcome): void => {
          if (outcome.type === 'accepted') outcomes.push(outcome);
          else outcomes.push({ type: outcome.type, reason: show(endpoint, outcome.reason) });
        };
        const objection = await submitTo(endpoint, cbor, txHash, { deps, signal, tell, mayGoOn });
        if (objection !== null) {
          // It is ours, and no endpoint's: none of the others gets the bytes either.
          outcomes.push({ type: 'passing', reason: objection });
          break;
        }
        if (outcomes.some(({ type }) => type === 'accepted') || signal.aborted) break;
      }
      return combineOutcomes(outcomes);
    },
    close: () => {
      for (const endpoint of all) endpoint.close();
    },
  };
}

/** What went wrong where, without any key: an endpoint's words may hold it. */
const createShow =
  (endpoints: Endpoints) =>
  (endpoint: EndpointRequests, problem: unknown): string => {
    const hidden = endpoints.keys.reduce(
      (text, key) => text.replaceAll(key, '***'),
      wordsOf(problem),
    );
    return `${endpointName(endpoints, endpoint.choice())}: ${hidden}`;
  };

async function lookAt(
  endpoint: EndpointRequests,
  endpoints: Endpoints,
  { now, lookMsMax = LOOK_MS_MAX }: OgmiosNodeDeps,
  signal: AbortSignal,
): Promise<NodeView> {
  return endpoint.use(signal, async (requests) => {
    const ask = (method: string): Promise<unknown> =>
      requests.request(method, undefined, { timeoutMs: lookMsMax, signal });
    const [health, startTime, parameters, summaries, tip] = await Promise.all([
      askNodeHealth(endpoints, endpoint.choice(), signal),
      ask('queryNetwork/startTime'),
      ask('queryLedgerState/protocolParameters'),
      ask('queryLedgerState/eraSummaries'),
      askTip(ask),
    ]);
    const eras = decodeEraSummaries(summaries);
    const tipMs = tip === 'origin' ? null : startMsOf(startTime) + slotTimeMs(eras, tip.slot);
    return {
      tip,
      parameters: decodeProtocolParameters(parameters),
      slotAfter: (seconds) => slotAfter(eras, tip, seconds),
      lag: nodeProblem(health) ?? clockProblem(tipMs, now()),
    };
  });
}

/** Point and height are two questions, between which the chain may move. */
const TIP_TRIES_MAX = 5;

async function askTip(ask: (method: string) => Promise<unknown>): Promise<TipOrOrigin> {
  for (let tries = 0; tries < TIP_TRIES_MAX; tries += 1) {
    const [before, height, after] = await Promise.all([
      ask('queryNetwork/tip'),
      ask('queryNetwork/blockHeight'),
      ask('queryNetwork/tip'),
    ]);
    const point = decodePoint(before);
    if (!samePoint(point, decodePoint(after))) continue;
    if (point === 'origin') return 'origin';
    if (height !== 'origin') return { ...point, height: heightOf(height, "the tip's height") };
  }
  throw new ProtocolError(`the tip moved ${TIP_TRIES_MAX} times while it was asked for`);
}

function startMsOf(value: unknown): number {
  const time = Date.parse(textOf(value, "the network's start"));
  if (Number.isNaN(time)) throw new ProtocolError("the network's start must be a time", value);
  return time;
}

/** Blocks are 20 s apart: a tip this old isn't the network's. */
const TIP_AGE_MS_MAX = 600_000;

function clockProblem(tipMs: number | null, nowMs: number): string | null {
  if (tipMs === null) return 'the node has no block yet';
  const age = nowMs - tipMs;
  if (age <= TIP_AGE_MS_MAX) return null;
  return `the node's tip is ${Math.round(age / 60_000)} minutes old by this machine's clock`;
}

type Submission = {
  readonly deps: OgmiosNodeDeps;
  readonly signal: AbortSignal;
  /** Told of every try: a refused key may have been refused after the transaction was taken. */
  readonly tell: (outcome: SubmitOutcome) => void;
  readonly mayGoOn: () => Promise<boolean>;
};

/** @returns why nothing was sent that is no matter of the endpoint; null: nothing of the kind */
async function submitTo(
  endpoint: EndpointRequests,
  cbor: Uint8Array,
  txHash: string,
  { deps, signal, tell, mayGoOn }: Submission,
): Promise<string | null> {
  const params = { transaction: { cbor: Buffer.from(cbor).toString('hex') } };
  const limits = { timeoutMs: deps.submitMsMax ?? SUBMIT_MS_MAX, signal };
  const submit = async (requests: NodeRequests): Promise<string | null> => {
    // Opening the connection may have taken long: what was held meanwhile isn't sent any more.
    const objection = await objectionOf(mayGoOn);
    if (objection !== null) return objection;
    try {
      const result = await requests.request('submitTransaction', params, limits);
      tell(outcomeOfResult(result, txHash));
    } catch (error) {
      tell(outcomeOfFailure(error));
      // What the node says against a transaction says nothing against the connection.
      if (!(error instanceof NodeError)) throw error;
    }
    return null;
  };
  try {
    return await endpoint.use(signal, submit);
  } catch (error) {
    // Without a connection nothing was sent. Where something was, that was told, and outweighs this.
    tell({ type: 'passing', reason: wordsOf(error) });
    return null;
  }
}

/** Why nothing may be sent now; null where it may. Never rejects: no node is to blame. */
async function objectionOf(mayGoOn: () => Promise<boolean>): Promise<string | null> {
  try {
    return (await mayGoOn()) ? null : 'not sent: payouts were paused, or the chain was held';
  } catch (error) {
    return `not sent: whether payouts may go on couldn't be asked (${describeDatabaseError(error)})`;
  }
}

const outcomeOfFailure = (error: unknown): SubmitOutcome =>
  error instanceof NodeError ? outcomeOfError(error) : { type: 'unknown', reason: wordsOf(error) };

const wordsOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
