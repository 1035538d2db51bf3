import { provision } from './provision.ts';
import { startRedis } from './redis/server.ts';

// A test runner in small: it starts a server, says where, and then only lives.
const { port, folder } = await startRedis(await provision('redis-server'));
process.stdout.write(`${JSON.stringify({ port, folder })}\n`);
setInterval(() => {}, 60_000);
