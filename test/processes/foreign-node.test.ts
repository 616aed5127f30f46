import { describe, expect, onTestFinished } from 'vitest';
import { startDevnet } from '../../src/devnet/server.js';
import { test } from './world.js';

/** The magic of preview. */
const FOREIGN = 2;

describe.concurrent('a node of another network', { timeout: 60_000 }, () => {
  test('is left alone with all that it has, and the next one is followed', async ({ open }) => {
    const world = await open();
    const foreign = await startDevnet({ networkMagic: FOREIGN });
    onTestFinished(() => foreign.close());
    const alone = await world.start({ OGMIOS_URL: foreign.url });
    const { reason } = await alone.until('connect_failed');
    expect(reason).toContain('one of preview, and NETWORK is custom:42');
    const { body } = await alone.get('/health/blockchain');
    expect(body).toMatchObject({ problem: `blockchain: ${String(reason)}` });
    await alone.untilReadiness('blockchain');
    expect(await world.cursor()).toBeNull();
    await alone.end();
    const worker = await world.start({ OGMIOS_URL: `${foreign.url},${world.devnet.url}` });
    await worker.until('connect_failed');
    expect(await world.wrongAtTip()).toEqual([]);
  });
});
