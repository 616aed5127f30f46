import type { ChainOptions, Content, DevnetBlock, DevnetChain } from './chain.js';
import { createChain } from './chain.js';
import { answerControl } from './control.js';
import type { TransactionDraft } from './draft.js';
import { createFaults } from './faults.js';
import { LedgerError } from './ledger.js';
import type { OgmiosServer } from './ogmios-server.js';
import { serveOgmios } from './ogmios-server.js';
import { createRandom } from './random.js';
import { chainSource } from './source.js';
import { copyInto, type DriftOptions, drift, join } from './split.js';
import type { DevnetTransaction, DraftOutput, Reference } from './transaction.js';

export type DevnetOptions = Partial<ChainOptions> & {
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Ogmios' major version to speak; default 6. */
  readonly version?: '6' | '7';
  /** A block every so many milliseconds; none by itself by default. */
  readonly blockTimeMs?: number;
  /** Blocks there are at the start; default 10. */
  readonly blocks?: number;
  /** Whether blocks have random content besides what is asked for; default true. */
  readonly random?: boolean;
  readonly apiKeys?: readonly string[];
  /** Begins with all of this chain's blocks, and then goes its own way. */
  readonly history?: DevnetChain;
};

export type ForkOptions = {
  /** Blocks of the new fork; one more than were lost by default. */
  readonly blocks?: number;
  /** Whether what lost its block is in the fork's first one again; default `all`. */
  readonly comeBack?: 'all' | 'none';
  /** What else the fork's first block holds. */
  readonly content?: readonly Content[];
};

/** A simulated chain behind Ogmios' interface, for as long as it isn't closed. */
export type Devnet = OgmiosServer & {
  readonly chain: DevnetChain;
  /** One transaction into the next block. */
  readonly pay: (...outputs: DraftOutput[]) => void;
  /** The same, and mines that block; the outputs are the transaction's first. */
  readonly payNow: (...outputs: DraftOutput[]) => {
    readonly block: DevnetBlock;
    readonly transaction: DevnetTransaction;
  };
  /** A rival who has every key: spends these outputs in the next block, whatever else wants them. */
  readonly spend: (references: readonly Reference[], to?: string) => void;
  /** The mempool forgets its oldest transactions, or all. @returns their ids */
  readonly evict: (count?: number) => string[];
  /** One block with what waits, and random content unless that is off. */
  readonly mine: (content?: readonly Content[]) => DevnetBlock;
  /** Replaces the last `depth` blocks by a longer chain; clients see one switch. */
  readonly fork: (depth: number, options?: ForkOptions) => DevnetBlock[];
  /** The same in a given slot. */
  readonly mineAt: (slot: number, content?: readonly Content[]) => DevnetBlock;
  /** A second devnet with this one's history, which runs apart from now on; it ends with this one. */
  readonly split: (options?: Pick<DevnetOptions, 'port' | 'blockTimeMs'>) => Promise<Devnet>;
  /** The last one that was split off. */
  readonly other: () => Devnet | null;
  /** Time passes on both sides of the split. @throws RangeError where there is none */
  readonly drift: (options: DriftOptions) => {
    readonly mined: number;
    readonly minedThere: number;
  };
  /** That chain wins here. @returns how many blocks were lost */
  readonly join: (winner: DevnetChain) => number;
};

export async function startDevnet(options: DevnetOptions = {}): Promise<Devnet> {
  const clock = createSlotClock(options.blockTimeMs !== undefined);
  const chain = createChain({ slotNow: clock.now, ...options, seed: options.seed ?? 1 });
  if (options.history !== undefined) copyInto(chain, options.history);
  const faults = createFaults();
  const random: readonly Content[] = options.random === false ? [] : ['random'];
  const waiting: TransactionDraft[] = [];
  const grow = (content: readonly Content[], slot?: number) =>
    chain.mine([...stillPossible(waiting.splice(0), chain), ...content, ...random], {
      takesSubmitted: !faults.congested,
      ...(slot === undefined ? {} : { slot }),
    });
  const blocks = options.history === undefined ? (options.blocks ?? 10) : 0;
  for (let i = 0; i < blocks; i += 1) grow([]);

  const startTime = clock.start(chain.blocks().at(-1)?.slot ?? 0);
  const source = chainSource(chain, { behind: () => faults.behind, facts: { startTime } });
  const server = await serveOgmios(source, {
    ...options,
    version: options.version === '7' ? 7 : 6,
    faults,
    onRequest: (request, response) => answerControl(devnet, request, response),
  });
  const mineAt = (slot: number | undefined, content: readonly Content[] = []): DevnetBlock => {
    const block = grow(content, slot);
    server.chainChanged();
    return block;
  };
  const mine = (content: readonly Content[] = []): DevnetBlock => mineAt(undefined, content);
  // Checked at once: a block time later there is nobody left to be told.
  const enqueue = (draft: TransactionDraft): number => {
    chain.check([...waiting, draft]);
    return waiting.push(draft);
  };
  const timer =
    options.blockTimeMs === undefined ? undefined : setInterval(mine, options.blockTimeMs, []);
  const devnet: Devnet = Object.assign(server, {
    ...movesOf(chain, server, enqueue, mine),
    ...splitsOf(options, () => devnet),
    chain,
    mine,
    mineAt,
    fork: (depth: number, forkOptions: ForkOptions = {}) => {
      const mined = replaceLast(chain, grow, depth, forkOptions);
      server.chainChanged();
      return mined;
    },
    close: closing(server.close, timer, () => devnet.other()),
  });
  return devnet;
}

/** Two chains out of one, and one out of two. */
function splitsOf(
  options: DevnetOptions,
  self: () => Devnet,
): Pick<Devnet, 'split' | 'other' | 'drift' | 'join'> {
  const random = createRandom(`split ${options.seed ?? 1}`);
  let other: Devnet | null = null;
  let splits = 0;
  return {
    other: () => other,
    split: async ({ port = 0, ...rest } = {}) => {
      await other?.close();
      splits += 1;
      const branch = `${options.branch ?? ''}/${splits}`;
      other = await startDevnet({ ...options, ...rest, port, branch, history: self().chain });
      return other;
    },
    drift: (wanted) => {
      if (other === null) throw new RangeError('there is one chain: split it first');
      return drift(self(), other, wanted, random);
    },
    join: (winner) => join(self(), winner),
  };
}

/** What was asked for was possible then; a fork may have taken away what it spends. */
function stillPossible(drafts: readonly TransactionDraft[], chain: DevnetChain) {
  const isPossible = (some: readonly TransactionDraft[]): boolean => {
    try {
      chain.check(some);
      return true;
    } catch (error) {
      if (error instanceof LedgerError) return false;
      throw error;
    }
  };
  if (drafts.length === 0 || isPossible(drafts)) return drafts;
  const possible: TransactionDraft[] = [];
  for (const draft of drafts) if (isPossible([...possible, draft])) possible.push(draft);
  return possible;
}

const closing =
  (
    closeServer: () => Promise<void>,
    timer: NodeJS.Timeout | undefined,
    other: () => Devnet | null,
  ) =>
  async (): Promise<void> => {
    clearInterval(timer);
    await other()?.close();
    await closeServer();
  };

/** What people ask of the transactions in the next block. */
function movesOf(
  chain: DevnetChain,
  server: OgmiosServer,
  enqueue: (draft: TransactionDraft) => number,
  mine: () => DevnetBlock,
): Pick<Devnet, 'pay' | 'payNow' | 'spend' | 'evict'> {
  return {
    pay: (...outputs) => void enqueue({ pay: outputs }),
    payNow: (...outputs) => {
      const place = enqueue({ pay: outputs }) - 1;
      const block = mine();
      const transaction = block.transactions[place];
      if (transaction === undefined) throw new Error('what waits comes first in a block');
      return { block, transaction };
    },
    spend: (references, to) =>
      void enqueue({ pay: [], spend: references, ...(to === undefined ? {} : { change: to }) }),
    evict: (count) => {
      const ids = chain.mempool.evict(count);
      server.mempoolChanged();
      return ids;
    },
  };
}

/**
 * Slots are seconds, and the tip is now when the devnet starts. Where blocks come by themselves, later
 * ones follow the clock, so that no node looks as if it lagged; else only mining makes time pass.
 */
function createSlotClock(follows: boolean) {
  let startMs: number | undefined;
  return {
    now: (): number | undefined =>
      follows && startMs !== undefined ? Math.floor((Date.now() - startMs) / 1000) : undefined,
    /** @returns the time of slot 0 */
    start: (tipSlot: number): string => {
      startMs = Date.now() - tipSlot * 1000;
      return new Date(startMs).toISOString();
    },
  };
}

function replaceLast(
  chain: DevnetChain,
  grow: (content: readonly Content[]) => DevnetBlock,
  depth: number,
  { blocks = depth + 1, comeBack = 'all', content = [] }: ForkOptions,
): DevnetBlock[] {
  chain.rollBack(depth);
  const returning: readonly Content[] = comeBack === 'all' ? ['orphans'] : [];
  if (comeBack === 'none') chain.forgetOrphans();
  return Array.from({ length: blocks }, (_, i) => grow(i === 0 ? [...returning, ...content] : []));
}
