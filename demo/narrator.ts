import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Who a line is about: the simulated chain, one of the two instances, or the company that runs them. */
export type Speaker = 'chain' | 'teller A' | 'teller B' | 'company';

const STYLES: Readonly<Record<Speaker, Style>> = {
  chain: 'magenta',
  'teller A': 'cyan',
  'teller B': 'blue',
  company: 'yellow',
};

/** Prints the story. Colours only on a terminal, and there only unless `NO_COLOR` is set. */
export type Narrator = {
  readonly chapter: (title: string, ...lesson: string[]) => void;
  readonly say: (speaker: Speaker, text: string) => void;
  /** A check that held. */
  readonly held: (text: string) => void;
  readonly failed: (text: string) => void;
  readonly plain: (text: string) => void;
};

const SPEAKER_WIDTH = 9;

export function createNarrator(out: NodeJS.WriteStream): Narrator {
  const coloured = out.isTTY && !process.env.NO_COLOR;
  const paint = (style: Style, text: string): string =>
    coloured ? styleText(style, text, { validateStream: false }) : text;
  const print = (text: string): void => void out.write(`${text}\n`);
  let chapters = 0;
  return {
    chapter: (title, ...lesson) => {
      chapters += 1;
      print(`\n${paint('bold', `${chapters}. ${title}`)}`);
      for (const line of lesson) print(paint('dim', `   ${line}`));
    },
    say: (speaker, text) =>
      print(`  ${paint(STYLES[speaker], speaker.padEnd(SPEAKER_WIDTH))} ${text}`),
    held: (text) => print(`  ${paint('green', `✓ ${text}`)}`),
    failed: (text) => print(`  ${paint('red', `✗ ${text}`)}`),
    plain: print,
  };
}
