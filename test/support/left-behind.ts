/** Opens what the first argument names, tells where it is, and waits to be killed. */
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { startTestServer } from './test-databases.js';

const [kind, databaseUrl] = process.argv.slice(2);
if (kind === 'server') {
  console.log((await startEmbeddedPostgres({ durable: false })).url);
} else {
  console.log((await startTestServer(databaseUrl)).server.template);
}
setInterval(() => undefined, 60_000);
