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
