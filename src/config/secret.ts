import { inspect } from 'node:util';

/**
 * Text that must not be printed by accident: string concatenation, JSON, `console.log` and loggers all
 * show a placeholder. Only `reveal` gives it out, so that every use can be searched for.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}

const HIDDEN = '[hidden]';

/**
 * A URL without what may be secret in it: user, password, every query value (keys travel there under
 * any name) and path segments that are long enough to be a key, as some providers have them.
 */
export function showUrl(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return HIDDEN;
  }
  const path = parsed.pathname
    .split('/')
    .map((segment) => (segment.length >= PATH_KEY_LENGTH_MIN ? '***' : segment))
    .join('/');
  const query = [...parsed.searchParams.keys()].map((name) => `${name}=***`).join('&');
  const port = parsed.port === '' ? '' : `:${parsed.port}`;
  return `${parsed.protocol}//${parsed.hostname}${port}${path === '/' ? '' : path}${query && `?${query}`}`;
}

const PATH_KEY_LENGTH_MIN = 16;
