import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ServerOptions } from './postgres-server.js';
import type { RedisOptions } from './redis-process.js';

type Command =
  | { readonly command: 'create'; readonly options: ServerOptions }
  | { readonly command: 'createRedis'; readonly options: RedisOptions }
  | { readonly command: 'start' }
  | { readonly command: 'stopHard' }
  /** Every database whose name starts with `prefix` is dropped at the end. */
  | { readonly command: 'keepDatabases'; readonly url: string; readonly prefix: string };

export type KeeperRequest = Command & { readonly id: number };
export type KeeperReply =
  | { readonly id: number; readonly ok: true; readonly value: string }
  | { readonly id: number; readonly ok: false; readonly error: string };

export type Keeper = {
  ask(command: Command): Promise<string>;
  /** Returns when all that was kept is gone. */
  close(): Promise<void>;
};

/** Starts the process that cleans up after us, however we end. */
export function startKeeper(): Keeper {
  const child = fork(fileURLToPath(new URL('./keeper-process.ts', import.meta.url)), {
    execArgv: ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href],
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, (reply: KeeperReply) => void>();
  let requests = 0;
  // A script that ends without closing must still end; the keeper notices and cleans up.
  const release = () => {
    child.unref();
    child.channel?.unref();
  };
  child.on('message', (reply: KeeperReply) => {
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
    if (waiting.size === 0) release();
  });
  child.once('exit', (code) => {
    for (const [id, settle] of waiting) {
      settle({ id, ok: false, error: `the keeper process ended with code ${String(code)}` });
    }
  });
  release();

  return {
    ask: async (command) => {
      requests += 1;
      const id = requests;
      child.ref();
      child.channel?.ref();
      const reply = await new Promise<KeeperReply>((resolve) => {
        waiting.set(id, resolve);
        child.send({ ...command, id } satisfies KeeperRequest);
      });
      if (!reply.ok) throw new Error(reply.error);
      return reply.value;
    },
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.ref();
      const exited = once(child, 'exit');
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
