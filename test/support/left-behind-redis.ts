/** Starts a Redis, tells its process id, and waits to be killed. */
import { startRedis } from './redis-server.js';

const redis = await startRedis();
console.log(/process_id:(\d+)/.exec(String(await redis.command('INFO', 'server')))?.[1]);
setInterval(() => undefined, 60_000);
