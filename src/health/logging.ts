import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import type { LogLevel } from '../config/settings.js';

export type { Logger } from 'pino';

/** Names under which secrets travel in objects of libraries; our own are `Secret`s and hide themselves. */
const SECRET_FIELDS = [
  'authorization',
  'connectionString',
  'password',
  '*.authorization',
  '*.connectionString',
  '*.password',
  'req.headers.authorization',
  'req.headers.cookie',
];

/** One JSON object a line. Where stdout belongs to a verb's answer, logs go to stderr. */
export const createLogger = (
  level: LogLevel,
  stream: 'stdout' | 'stderr' | DestinationStream,
): Logger =>
  pino(
    {
      level,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_FIELDS, censor: '[hidden]' },
    },
    typeof stream === 'string' ? destination(stream === 'stdout' ? 1 : 2) : stream,
  );
