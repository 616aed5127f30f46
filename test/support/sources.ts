import { readdirSync, readFileSync } from 'node:fs';
import { dirname, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export type Source = {
  /** From the root of the repository, with forward slashes: `src/chain/point.ts`. */
  readonly path: string;
  readonly text: string;
  /** Our own files as paths, everything else as it is written: `src/chain/block.ts`, `node:fs`. */
  readonly imports: readonly string[];
};

/** Every TypeScript file below `folder`, with what it imports in any form: types and `import()` too. */
export function readSources(folder: string): Source[] {
  return readdirSync(`${root}${folder}`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, `${entry.parentPath}/${entry.name}`).split(sep).join('/'))
    .sort()
    .map((path) => {
      const text = readFileSync(`${root}${path}`, 'utf8');
      return { path, text, imports: importsOf(path, text) };
    });
}

export const isTest = ({ path }: Source): boolean => path.endsWith('.test.ts');

/** `chain` for what lies in src/chain, `cli` for src/cli.ts. */
export const layerOf = (path: string): string => (path.split('/')[1] ?? path).replace(/\.ts$/, '');

/** What remains of a program when its comments and the contents of its strings don't count. */
export function codeOnly(text: string): string {
  const file = ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true);
  const words: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return;
    if (node.getChildCount(file) === 0) words.push(node.getText(file));
    for (const child of node.getChildren(file)) if (!ts.isJSDoc(child)) visit(child);
  };
  visit(file);
  return words.filter((word) => word !== '').join(' ');
}

const importsOf = (path: string, text: string): string[] =>
  ts
    .preProcessFile(text, true, true)
    .importedFiles.map(({ fileName }) =>
      fileName.startsWith('.')
        ? posix.join(dirname(path), fileName).replace(/\.js$/, '.ts')
        : fileName,
    );
