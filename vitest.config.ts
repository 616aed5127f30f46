import { configDefaults, defineConfig } from 'vitest/config';

/** They bound times in which real processes must act: beside other tests they would measure those. */
const REAL_PROCESSES = ['test/processes/**/*.test.ts', 'test/demo.test.ts', 'test/drill.test.ts'];

export default defineConfig({
  test: {
    globalSetup: ['test/support/postgres.ts'],
    // Tests start processes, send signals and measure time: threads would share too much.
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'in one process',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...REAL_PROCESSES],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'real processes',
          include: REAL_PROCESSES,
          maxWorkers: 1,
          // They are statistical, and machines stall: what is broken is broken twice.
          retry: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
