import { setTimeout as sleep } from 'node:timers/promises';
import { makeAddress } from '../src/devnet/address.js';
import type { Content, DevnetBlock } from '../src/devnet/chain.js';
import { createRandom } from '../src/devnet/random.js';
import { type Devnet, type ForkOptions, startDevnet } from '../src/devnet/server.js';
import { type Api, createApi } from './api.js';
import { type DemoDatabase, openDatabase } from './database.js';
import { type HotWallet, makeHotWallet } from './hot-wallet.js';
import { type Instance, type LogLine, startInstance } from './instance.js';
import type { Narrator } from './narrator.js';
import { drawKeys, type Keys, MAGIC, settingsOf } from './settings.js';
import { waitFor } from './wait.js';
import { tellLog } from './words.js';

/** One seed, one chain: two demonstrations tell the same story. */
const SEED = 'demo';
/** Time to read along; mainnet makes a block every 20 s. */
const BLOCK_PAUSE_MS = 350;
/** A worker's lines of one block arrive together, but not always in one piece. */
const LINES_SETTLE_MS = 25;
const START_MS_MAX = 30_000;
/** Generous: on a busy machine slow isn't wrong. */
const RECORD_MS_MAX = 20_000;

/** Everything that runs, and the few moves that the story is made of. */
export type Stage = {
  readonly narrator: Narrator;
  readonly devnet: Devnet;
  readonly database: DemoDatabase;
  readonly api: Api;
  readonly keys: Keys;
  readonly hotWallet: HotWallet;
  readonly settings: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly instances: () => readonly Instance[];
  /** Leaves out what the instances say: forty lines alike explain nothing. @returns its end */
  readonly mute: () => () => void;
  /** Starts one and waits until its HTTP answers. */
  readonly start: (name: Instance['name']) => Promise<Instance>;
  readonly leader: () => Promise<Instance>;
  readonly standby: () => Promise<Instance>;
  /** The one that signs and submits; it may be another than the one that leads. */
  readonly payer: () => Promise<Instance>;
  /** A valid address of the network that nobody else has. */
  readonly newAddress: (networkMagic?: number) => string;
  /** One block with this content first and then strangers' transactions; nobody waits for it. */
  readonly makeBlock: (content?: readonly Content[]) => DevnetBlock;
  /** The same, and returns when the leader has recorded it. */
  readonly mine: (content?: readonly Content[]) => Promise<DevnetBlock>;
  readonly fork: (depth: number, options?: ForkOptions) => Promise<readonly DevnetBlock[]>;
  /** The leader stands where the chain stands. */
  readonly recorded: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Opens everything, or nothing. */
export async function setStage(narrator: Narrator, signal: AbortSignal): Promise<Stage> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const database = await openDatabase(process.env.DATABASE_URL);
    closers.push(() => database.close());
    // Blocks come when the story wants them, and forks hold nothing that it didn't put there.
    const devnet = await startDevnet({ seed: SEED, networkMagic: MAGIC, random: false });
    closers.push(() => devnet.close());
    const hotWallet = await makeHotWallet();
    closers.push(() => hotWallet.close());
    const keys = drawKeys();
    const settings = settingsOf(database, devnet, hotWallet, keys);
    const company = employ(narrator, settings, signal);
    closers.push(() => company.dismiss());
    const props = { database, hotWallet, settings, close };
    return { ...assemble(narrator, devnet, company, keys, signal), ...props };
  } catch (error) {
    await close();
    throw error;
  }
}

type Company = Pick<Stage, 'instances' | 'mute' | 'start' | 'leader' | 'standby' | 'payer'> & {
  readonly dismiss: () => Promise<void>;
};

/** The instances that there are, whatever becomes of them. */
function employ(
  narrator: Narrator,
  settings: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Company {
  const instances = new Map<Instance['name'], Instance>();
  let muted = false;
  const alive = () => [...instances.values()].filter((instance) => instance.running);
  const oneThat = (what: string, matches: (instance: Instance) => boolean) =>
    waitFor(what, RECORD_MS_MAX, signal, () => alive().find(matches));
  return {
    instances: alive,
    mute: () => {
      muted = true;
      return () => {
        muted = false;
      };
    },
    start: async (name) => {
      const tell = (line: LogLine) => {
        if (!muted) tellLog(narrator, `teller ${name}`, line);
      };
      const instance = startInstance(name, settings, tell);
      instances.set(name, instance);
      narrator.say(`teller ${name}`, `(process ${instance.pid} was started)`);
      await waitFor(`teller ${name} answers over HTTP`, START_MS_MAX, signal, () => {
        if (instance.running) return instance.url;
        throw new Error(`teller ${name} ended: ${instance.lastWords()}`);
      });
      return instance;
    },
    leader: () => oneThat('an instance leads', (instance) => instance.leads),
    standby: () => oneThat('an instance stands by', (instance) => !instance.leads),
    payer: () => oneThat('an instance pays', (instance) => instance.pays),
    dismiss: async () => {
      await Promise.all(alive().map((instance) => instance.stop()));
    },
  };
}

function assemble(
  narrator: Narrator,
  devnet: Devnet,
  company: Company,
  keys: Keys,
  signal: AbortSignal,
): Omit<Stage, 'database' | 'hotWallet' | 'settings' | 'close'> {
  const random = createRandom(`addresses ${SEED}`);
  const recorded = async (): Promise<void> => {
    const { tip } = devnet.chain;
    if (tip === 'origin') return;
    const point = `${tip.slot}.${tip.id}`;
    await waitFor(`block ${tip.height} is recorded`, RECORD_MS_MAX, signal, () =>
      company.instances().find((instance) => instance.leads && instance.cursor === point),
    );
    await sleep(LINES_SETTLE_MS, undefined, { signal });
  };
  const makeBlock = (content: readonly Content[] = []): DevnetBlock =>
    devnet.mine([...content, 'random']);
  return {
    ...company,
    narrator,
    devnet,
    keys,
    signal,
    api: createApi(keys.backend, () => {
      const [first] = company.instances();
      if (first === undefined) throw new Error('no instance is running');
      return first;
    }),
    newAddress: (networkMagic = MAGIC) =>
      makeAddress('base', networkMagic, random.bytes(28), random.bytes(28)),
    makeBlock,
    recorded,
    mine: async (content) => {
      await sleep(BLOCK_PAUSE_MS, undefined, { signal });
      const block = makeBlock(content);
      await recorded();
      return block;
    },
    fork: async (depth, options) => {
      await sleep(BLOCK_PAUSE_MS, undefined, { signal });
      const blocks = devnet.fork(depth, options);
      await recorded();
      return blocks;
    },
  };
}
