import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import { startAtTip } from './start-at-tip.js';
import type { WorkerProcess } from './worker-process.js';
import type { World } from './world.js';

/** On the right day every four years: no schedule does what a person is to do here. */
export const NEVER = '0 3 29 2 *';
export const SOON = { timeout: 40_000, interval: 50 };
export const MINUTES = { timeout: 300_000 };

/** A leader at the tip, which does by schedule nothing that a person is to do here. */
export const leaderAtTip = (
  world: World,
  environment: Readonly<Record<string, string>> = {},
): Promise<WorkerProcess> =>
  startAtTip(world, { RECONCILE_CRON: NEVER, VERIFY_CRON: NEVER, ...environment });

/** The sum of a metric's series; null where it has none. */
export async function metric(worker: WorkerProcess, name: string): Promise<number | null> {
  const { address } = await worker.until('listening');
  const text = await (await fetch(`${String(address)}/metrics`)).text();
  const values = text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .map((line) => Number(line.split(' ').at(-1)));
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
}

/** Waits for what an alert is made of: samples are kept for some seconds. */
export const untilMetric = (
  worker: WorkerProcess,
  name: string,
  isAsWanted: (value: number | null) => boolean,
) =>
  vi.waitFor(async () => {
    const value = await metric(worker, name);
    if (!isAsWanted(value)) throw new Error(`${name} is ${value}`);
  }, SOON);

export async function spoil(world: World, ...changes: readonly string[]): Promise<void> {
  for (const text of changes) {
    expect((await world.pool.query(text)).rowCount, text).toBeGreaterThan(0);
  }
}

/** Books and chain are one again, and whoever asks is told so. */
export async function expectSound(world: World): Promise<void> {
  for (const words of [['reconcile'], ['balance', 'verify']]) {
    const { exitCode, out, err } = await world.teller(...words);
    expect(`${exitCode} ${out}${err}`).toMatch(/^0 /);
  }
  expect(await world.wrongAtTip()).toEqual([]);
}

export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'teller-runbooks-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

/** Of a payment in a block. */
export const ONE = (where: string): string =>
  `(tx_hash, output_index) in (select tx_hash, output_index from incoming_payments
    where block_height is not null and ${where} order by tx_hash, output_index limit 1)`;
export const HELD = "status = 'confirmed' and spent_by is null";
export const SPENT = "status = 'confirmed' and spent_by is not null";
