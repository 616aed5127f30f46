import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { root } from '../support/sources.js';
import type { Ended } from './teller-process.js';
import type { World } from './world.js';

/** A command or a question to the database that a runbook gives, and what it says right behind it. */
export type Instruction = { readonly text: string; readonly claim: string };

const CODE = /```\w*\n([\s\S]*?)```|`([^`]+)`/g;
const INSTRUCTION = /^(teller|select) \S/;

/** All instructions of a runbook, in its order; those in blocks of code too. */
export function instructionsOf(markdown: string): Instruction[] {
  const found = [...markdown.matchAll(CODE)].flatMap((match) => {
    const [whole, block, span = ''] = match;
    const texts = block === undefined ? [span] : block.split('\n');
    const end = match.index + whole.length;
    return texts.map((text) => ({ text: flat(text), from: match.index, end }));
  });
  const instructions = found.filter(({ text }) => INSTRUCTION.test(text));
  return instructions.map(({ text, end }, i) => ({
    text,
    claim: flat(markdown.slice(end, instructions[i + 1]?.from)),
  }));
}

const flat = (text: string): string => text.replace(/\s+/g, ' ').trim();

export type Expected = {
  readonly exits: number;
  /** For the words in capitals. */
  readonly fill?: Readonly<Record<string, string>>;
  /** Words that the runbook has too, and that are among what is printed. */
  readonly says?: readonly string[];
};

/** A runbook in the hands of somebody who does all that it says, in its order. */
export type Walk = {
  /** The next instruction, whatever becomes of it. */
  readonly next: (text: string) => void;
  readonly teller: (command: string, expected: Expected) => Promise<Ended>;
  /** One that was given before. */
  readonly again: (command: string, expected: Expected) => Promise<Ended>;
  /** A question to the database, up to the word that tells it from others. */
  readonly select: (
    beginning: string,
    fill?: Readonly<Record<string, string>>,
  ) => Promise<readonly Readonly<Record<string, unknown>>[]>;
};

/** Walks through a runbook, of which nothing may be left in the end. */
export async function walkThrough(
  runbook: string,
  world: World,
  walking: (walk: Walk) => Promise<void>,
): Promise<void> {
  const markdown = readFileSync(`${root}ops/runbooks/${runbook}.md`, 'utf8');
  const left = instructionsOf(markdown);
  const given = new Map<string, string>();
  const seen = new Map<string, number[]>();
  const take = (isIt: (text: string) => boolean, wanted: string): Instruction => {
    const instruction = left.shift();
    if (instruction === undefined || !isIt(instruction.text)) {
      throw new Error(
        `the next instruction of ${runbook} is ${instruction?.text ?? 'none'}, not ${wanted}`,
      );
    }
    given.set(instruction.text, `${given.get(instruction.text) ?? ''} ${instruction.claim}`);
    return instruction;
  };
  const play = async (text: string, expected: Expected): Promise<Ended> => {
    const { exits, fill = {}, says = [] } = expected;
    const ended = await world.teller(...wordsOf(text, fill));
    const all = `${ended.out}${ended.err}`;
    expect(`${text} exits with ${ended.exitCode}: ${all}`).toMatch(
      new RegExp(`^${escaped(text)} exits with ${exits}:`),
    );
    seen.set(text, [...(seen.get(text) ?? []), exits]);
    for (const words of says) {
      expect(flat(markdown), `${runbook}, of ${text}`).toContain(words);
      expect(all, text).toContain(words);
    }
    return ended;
  };
  await walking({
    next: (text) => void take((found) => found === text, text),
    teller: (command, expected) => {
      const { text } = take((found) => found === `teller ${command}`, `teller ${command}`);
      const claimed = exitCodesIn(given.get(text) ?? '');
      if (claimed.length > 0) expect(claimed, `what is said of ${text}`).toContain(expected.exits);
      return play(text, expected);
    },
    again: (command, expected) => {
      const text = `teller ${command}`;
      if (!given.has(text)) throw new Error(`${runbook} hasn't told anybody to \`${text}\` yet`);
      return play(text, expected);
    },
    select: async (beginning, fill = {}) => {
      const { text } = take((found) => found.startsWith(beginning), beginning);
      const sql = Object.entries(fill).reduce(
        (all, [name, value]) => all.replace(name, value),
        text,
      );
      const { rows } = await world.pool.query<Readonly<Record<string, unknown>>>(sql);
      return rows;
    },
  });
  expect(
    left.map(({ text }) => text),
    `instructions of ${runbook} that were left out`,
  ).toEqual([]);
  for (const [text, claim] of given) {
    const never = exitCodesIn(claim).filter((code) => !seen.get(text)?.includes(code));
    expect(never, `exit codes that ${runbook} names of ${text} and nobody saw`).toEqual([]);
  }
}

/** `RUN`, `TX#INDEX`, `CHAIN/SEAL`: what whoever reads it must fill in. */
const PLACEHOLDER = /^[A-Z]{2,}([#/][A-Z]+)?$/;

function wordsOf(command: string, fill: Readonly<Record<string, string>>): string[] {
  return command
    .split(' ')
    .slice(1)
    .map((word) => {
      const value = fill[word];
      if (value === undefined && PLACEHOLDER.test(word)) {
        throw new Error(`${command}: nothing to fill in for ${word}`);
      }
      return value ?? word;
    });
}

const exitCodesIn = (claim: string): number[] =>
  [...claim.matchAll(/exit code (\d)/gi)].map(([, code]) => Number(code));

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
