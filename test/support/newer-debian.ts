import type { Program } from './provision.ts';

/** Programs of a newer Debian release than this machine's. */
export async function newerProgram(name: 'redis-server' | 'valkey-server' | 'rabbitmq-server'): Promise<Program> {
  throw new Error(`no newer ${name} yet`);
}
