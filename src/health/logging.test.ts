import { expect, test } from 'vitest';
import { Secret } from '../config.js';
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
