import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Official vectors and real blocks lie beside the project; they are read, never copied in. */
const SHARED = fileURLToPath(new URL('../../../shared/', import.meta.url));

export const sharedIsThere = existsSync(`${SHARED}blocks/single`);
if (!sharedIsThere) {
  console.warn(
    'SKIPPED: conformance with official vectors and real blocks, because ../shared is absent',
  );
}

export type TruthOutput = {
  readonly block: string;
  readonly height: number;
  readonly slot: number;
  readonly tx: string;
  readonly index: number;
  readonly address: string;
  readonly lovelace: string;
  readonly assets: Record<string, string>;
  readonly kind: 'output' | 'collateralReturn';
  readonly spentBy: { readonly tx: string; readonly height: number } | null;
};

export type Recording = {
  readonly name: string;
  /** Answers to `nextBlock`, one a line. */
  readonly lines: readonly string[];
  readonly truth: {
    readonly summary: { readonly name: string; readonly busiest: { address: string }[] };
    readonly outputs: readonly TruthOutput[];
    readonly failedOutputs: readonly { tx: string; index: number }[];
  };
};

export const recordings = (kind: 'single' | 'chain'): Recording[] =>
  sharedIsThere
    ? readdirSync(`${SHARED}blocks/${kind}`)
        .filter((file) => file.endsWith('.ndjson'))
        .sort()
        .map((file) => {
          const name = file.slice(0, -'.ndjson'.length);
          const path = `${SHARED}blocks/${kind}/${name}`;
          return {
            name,
            lines: readFileSync(`${path}.ndjson`, 'utf8').trimEnd().split('\n'),
            truth: JSON.parse(readFileSync(`${path}.truth.json`, 'utf8')) as Recording['truth'],
          };
        })
    : [];

/** Official vectors of one message, by file name. */
export const vectors = (message: string): [file: string, text: string][] =>
  sharedIsThere
    ? readdirSync(`${SHARED}ogmios/vectors/${message}`)
        .sort()
        .map((file) => [file, readFileSync(`${SHARED}ogmios/vectors/${message}/${file}`, 'utf8')])
    : [];

/** Units as we write them (the truth files put a dot in), without quantities of zero. */
export const countedAssets = (output: TruthOutput): Record<string, string> =>
  Object.fromEntries(
    Object.entries(output.assets)
      .filter(([, quantity]) => quantity !== '0')
      .map(([dotted, quantity]) => [dotted.replace('.', ''), quantity]),
  );
