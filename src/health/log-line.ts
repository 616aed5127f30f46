import type { Logger } from './logging.js';

export type LogLine = {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>> & { readonly event: string };
  readonly message: string;
};

export const line = (
  level: LogLine['level'],
  event: string,
  fields: Readonly<Record<string, unknown>>,
  message: string,
): LogLine => ({ level, fields: { event, ...fields }, message });

export function writeLines(log: Logger, lines: readonly LogLine[]): void {
  for (const { level, fields, message } of lines) log[level](fields, message);
}
