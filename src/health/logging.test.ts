import { expect, test } from 'vitest';
import { Secret } from '../config.js';
import { logLines } from './log-events.js';
import { createLogger } from './logging.js';

const written = (
  write: (log: ReturnType<typeof createLogger>) => void,
  level = 'info' as const,
) => {
  const lines: string[] = [];
  write(createLogger(level, { write: (line: string) => void lines.push(line) }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
};

test('a line has its level in words, its time in ISO 8601 and its event', () => {
  const [line] = written((log) => log.info({ event: 'connected' }, 'connected to Ogmios'));
  expect(line).toMatchObject({ level: 'info', event: 'connected', msg: 'connected to Ogmios' });
  expect(line?.time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

test('what is below the level is not written', () => {
  expect(written((log) => log.debug({ event: 'block_processed' }))).toEqual([]);
});

test('secrets hide, whoever carries them', () => {
  const lines = written((log) =>
    log.info({
      databaseUrl: new Secret('hunter2'),
      password: 'hunter2',
      client: { password: 'hunter2', connectionString: 'postgres://u:hunter2@h' },
      req: { headers: { authorization: 'Bearer hunter2' } },
    }),
  );
  expect(JSON.stringify(lines)).not.toContain('hunter2');
  expect(JSON.stringify(lines)).toContain('[hidden]');
});

test.each([
  ['stopped', 'info'],
  ['SIGTERM', 'info'],
  ['SIGINT', 'info'],
  ['closed with 1006', 'warn'],
  ['the socket failed: SIGTERMINATED', 'warn'],
  ['the lock connection ended', 'warn'],
])('the end of a connection and of a term because of %j is %s', (reason, level) => {
  const endpoint = 'ws://node';
  const lines = [
    ...logLines({ type: 'disconnected', endpoint, reason }),
    ...logLines({ type: 'leader_lost', epoch: 7n, reason }),
  ];
  expect(lines.map((line) => [line.fields.event, line.level, line.fields.reason])).toEqual([
    ['disconnected', level, reason],
    ['leader_lost', level, reason],
  ]);
});
