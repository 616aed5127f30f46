import { describe, expect, test } from 'vitest';
import { devnet } from '../../test/support/devnet.js';
import { makeAddress } from './address.js';
import { createRandom } from './random.js';
import { readScenario } from './scenario.js';

const ADDRESS = makeAddress('enterprise', 42, createRandom('split test').bytes(28));
const FOURTEEN_HOURS_SLOTS = 14 * 3600;

const hashes = (of: { chain: { blocks: () => readonly { id: string }[] } }): string[] =>
  of.chain.blocks().map(({ id }) => id);

async function post(url: string, body: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  return (await response.json()) as Record<string, unknown>;
}

describe('a chain that is split', () => {
  test('shares its history with the other side, and nothing after it', async () => {
    const ours = await devnet({ blocks: 20 });
    const theirs = await ours.split();
    expect(hashes(theirs)).toEqual(hashes(ours));
    ours.mine();
    theirs.mine();
    expect(hashes(theirs).slice(0, 20)).toEqual(hashes(ours).slice(0, 20));
    expect(hashes(theirs)[20]).not.toBe(hashes(ours)[20]);
  });

  test('has what was paid before on both sides, and what was paid after on one', async () => {
    const ours = await devnet({ random: false });
    ours.payNow({ address: ADDRESS, lovelace: 5_000_000n });
    const theirs = await ours.split();
    ours.payNow({ address: ADDRESS, lovelace: 7_000_000n });
    const held = ({ chain }: typeof ours) =>
      [...chain.unspentAt(chain.tip === 'origin' ? 'origin' : chain.tip.id, [ADDRESS]).values()]
        .map(({ lovelace }) => lovelace)
        .sort();
    expect(held(ours)).toEqual([5_000_000n, 7_000_000n]);
    expect(held(theirs)).toEqual([5_000_000n]);
  });

  test('is thinner on both sides by what the other one has, as in November 2025', async () => {
    const ours = await devnet({ random: false });
    const theirs = await ours.split();
    const { mined, minedThere } = ours.drift({ slots: FOURTEEN_HOURS_SLOTS, share: 0.7 });
    // 2,520 blocks are expected, 756 of them here; five standard deviations to either side.
    expect(mined + minedThere).toBeGreaterThan(2_270);
    expect(mined + minedThere).toBeLessThan(2_770);
    expect(mined).toBeGreaterThan(620);
    expect(mined).toBeLessThan(895);
    expect(minedThere).toBeLessThan(2_160);
    const slots = ours.chain.blocks().map(({ slot }) => slot);
    expect(slots.at(-1) ?? 0).toBeGreaterThan(FOURTEEN_HOURS_SLOTS);
    expect(ours.join(theirs.chain)).toBe(mined);
    expect(hashes(ours)).toEqual(hashes(theirs));
  });

  test('gives back what lost its block, and lets a chain win twice', async () => {
    const ours = await devnet({ random: false });
    const theirs = await ours.split();
    const { transaction } = ours.payNow({ address: ADDRESS, lovelace: 5_000_000n });
    theirs.mine();
    theirs.mine();
    expect(ours.join(theirs.chain)).toBe(1);
    expect(ours.chain.orphans().map(({ id }) => id)).toEqual([transaction.id]);
    expect(ours.join(theirs.chain)).toBe(0);
    ours.mine(['orphans']);
    theirs.mine();
    expect(ours.join(theirs.chain)).toBe(1);
    expect(theirs.join(ours.chain)).toBe(0);
    expect(hashes(ours)).toEqual(hashes(theirs));
  });

  test('is played over HTTP, with a second address to listen to', async () => {
    const ours = await devnet({ random: false });
    const control = `${ours.httpUrl}/control`;
    const refused = await post(`${control}/join`, { winner: 'other' });
    expect(refused.error).toContain('split it first');
    const { url, control: there } = await post(`${control}/split`, {});
    expect(url).toBe(ours.other()?.url);
    expect(there).toBe(`${ours.other()?.httpUrl}/control`);
    await post(`${ours.other()?.httpUrl}/control/mine`, { blocks: 4 });
    await post(`${control}/mine`, { blocks: 2 });
    await post(`${control}/drift`, { slots: 600, share: 0.5 });
    const { lost } = await post(`${control}/join`, { winner: 'other' });
    expect(lost).toBeGreaterThanOrEqual(2);
    expect(ours.chain.tip).toEqual(ours.other()?.chain.tip);
  });

  test('is a scenario', () => {
    const text = JSON.stringify([
      { do: 'split' },
      { do: 'drift', slots: 3600, share: 0.7 },
      { afterMs: 1000, do: 'join', winner: 'other' },
    ]);
    expect(readScenario(text)).toHaveLength(3);
    expect(() => readScenario('[{"do": "drift", "slots": 5, "share": 2}]')).toThrow('share');
  });
});
