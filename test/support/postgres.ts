import type { TestProject } from 'vitest/node';
import { startTestServer, type TestServer } from './test-databases.js';

declare module 'vitest' {
  interface ProvidedContext {
    testServer: TestServer;
  }
}

/** One PostgreSQL for the whole run: embedded, or the one at `DATABASE_URL`. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { server, close } = await startTestServer(process.env.DATABASE_URL);
  project.provide('testServer', server);
  return close;
}
