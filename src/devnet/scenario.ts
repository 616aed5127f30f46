import { z } from 'zod';
import type { Action } from './actions.js';
import { actionSchema, perform } from './actions.js';
import type { Devnet } from './server.js';

/** One step of a scenario: what to do, and how many milliseconds after the step before it. */
export type Step = { readonly afterMs: number; readonly action: Action };

const timed = z.looseObject({ afterMs: z.int().min(0).max(86_400_000).default(0) });

/** What is wrong with a scenario file, line by line as a person can mend it. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
}

/**
 * Reads a scenario: a JSON list of the control API's actions, each with the time to wait before it.
 *
 *     [{"afterMs": 1000, "do": "pay", "address": "addr_test1…", "lovelace": "5000000"},
 *      {"do": "mine", "blocks": 3},
 *      {"afterMs": 2000, "do": "fork", "depth": 2},
 *      {"do": "fault", "fault": {"kind": "stall"}}]
 */
export function readScenario(text: string): Step[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw new ScenarioError(`not JSON: ${String(error)}`);
  }
  if (!Array.isArray(list)) throw new ScenarioError('must be a list of steps');
  const problems: string[] = [];
  const steps = list.flatMap((entry: unknown, i) => {
    const read = readStep(entry);
    if (!(read instanceof z.ZodError)) return [read];
    problems.push(`step ${i + 1}: ${z.prettifyError(read)}`);
    return [];
  });
  if (problems.length > 0) throw new ScenarioError(problems.join('\n'));
  return steps;
}

function readStep(entry: unknown): Step | z.ZodError {
  const time = timed.safeParse(entry);
  if (!time.success) return time.error;
  const { afterMs, ...rest } = time.data;
  const action = actionSchema.safeParse(rest);
  return action.success ? { afterMs, action: action.data } : action.error;
}

/** Plays the steps one after the other; `tell` hears of each when it is done. */
export async function playScenario(
  devnet: Devnet,
  steps: readonly Step[],
  tell: (step: Step, result: Record<string, unknown>) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const one of steps) {
    await pause(one.afterMs, signal);
    if (signal.aborted) return;
    tell(one, await perform(devnet, one.action));
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
