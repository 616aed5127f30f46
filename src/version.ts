import { readFileSync } from 'node:fs';

/** Of the package: one directory up from src and from dist alike. */
export function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}
