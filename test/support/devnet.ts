import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { type Devnet, type DevnetOptions, startDevnet } from '../../src/devnet/server.js';
import { connectRaw, type RawClient } from './raw-client.js';

export const NEXT = '{"jsonrpc":"2.0","method":"nextBlock"}';
export const TIP = '{"jsonrpc":"2.0","method":"queryNetwork/tip","id":7}';

/** A small chain on a free port; it ends with its test. */
export async function devnet(options: DevnetOptions = {}): Promise<Devnet> {
  const started = await startDevnet({ seed: 1, blocks: 5, ...options });
  onTestFinished(() => started.close());
  return started;
}

/** A raw client; it is cut off before its devnet ends. */
export async function connect(url: string, headers?: Record<string, string>): Promise<RawClient> {
  const client = await connectRaw(url, headers);
  onTestFinished(() => client.socket.terminate());
  return client;
}

export async function health(url: string): Promise<Record<string, unknown>> {
  return (await (await fetch(`${url}/health`)).json()) as Record<string, unknown>;
}

export const pause = (ms: number): Promise<void> => sleep(ms);
