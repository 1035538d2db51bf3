import type { Check } from '../../contract/broker.ts';
import { clockCheck, clockReading } from '../../contract/clock.ts';
import { MqError, throwIfAborted } from '../../contract/errors.ts';
import type { Connection } from './connection.ts';
import { asList, asText } from './reply.ts';

/** A key that nobody has. The commands below are asked about and not run: `ACL DRYRUN` (Redis 7, Valkey). */
const NOBODYS_KEY = 'mq-is-there-anybody';
const RIGHTS = [
  [
    'may look',
    'ls, stats, inspect, peek',
    [
      ['SCAN', '0'],
      ['TYPE', NOBODYS_KEY],
      ['XRANGE', NOBODYS_KEY, '-', '+'],
      ['LRANGE', NOBODYS_KEY, '0', '0'],
    ],
  ],
  [
    'may send',
    'enqueue, and the target of redrive, move and copy',
    [
      ['XADD', NOBODYS_KEY, '*', 'a', 'b'],
      ['LPUSH', NOBODYS_KEY, 'a'],
    ],
  ],
  [
    'may take',
    'drain, purge, and the source of redrive and move',
    [
      ['EVAL', 'return 1', '1', NOBODYS_KEY],
      ['XDEL', NOBODYS_KEY, '0-1'],
      ['XACK', NOBODYS_KEY, 'g', '0-1'],
    ],
  ],
  ['may delete', 'delete', [['UNLINK', NOBODYS_KEY]]],
] as const;

/** Version, clock, memory policy and rights, by reading only. */
export async function* serverChecks(
  connection: Connection,
  signal: AbortSignal,
): AsyncGenerator<Check, void, undefined> {
  const ask = async (name: string, ...args: readonly string[]): Promise<unknown> => {
    throwIfAborted(signal);
    return connection.call([name, ...args], { operation: 'check the server', signal });
  };
  yield* attempt('server', async () => serverCheck(asText(await ask('INFO', 'server'))));
  yield* attempt('clock', async () => {
    const sentAt = Date.now();
    const [seconds, micros] = asList(await ask('TIME')).map((part) => Number(asText(part)));
    const serverMs = (seconds ?? 0) * 1000 + (micros ?? 0) / 1000;
    return clockCheck(clockReading(serverMs, 1, { sentAt, answeredAt: Date.now() }), '');
  });
  yield* attempt('memory', async () => {
    const policy = /^maxmemory_policy:(\S+)/m.exec(asText(await ask('INFO', 'memory')))?.[1] ?? 'unknown';
    if (policy === 'noeviction' || policy === 'unknown')
      return { name: 'memory', status: 'ok', detail: `policy ${policy}`, hint: null };
    const detail = `policy ${policy}: when memory is full, the server throws keys away, queues among them`;
    return { name: 'memory', status: 'warning', detail, hint: 'CONFIG SET maxmemory-policy noeviction' };
  });
  yield* rightsChecks(ask);
}

function serverCheck(info: string): Check {
  const value = (key: string): string | null => new RegExp(`^${key}:(\\S+)`, 'm').exec(info)?.[1] ?? null;
  const product =
    value('valkey_version') === null ? `Redis ${value('redis_version') ?? '?'}` : `Valkey ${value('valkey_version')}`;
  return { name: 'server', status: 'ok', detail: `${product}, ${value('redis_mode') ?? 'standalone'}`, hint: null };
}

async function* rightsChecks(
  ask: (name: string, ...args: readonly string[]) => Promise<unknown>,
): AsyncGenerator<Check, void, undefined> {
  let user: string;
  try {
    user = asText(await ask('ACL', 'WHOAMI'));
    await ask('ACL', 'DRYRUN', user, 'PING');
  } catch (error) {
    if (!(error instanceof MqError)) throw error;
    const detail = 'this server, or this user, cannot ask about rights (ACL DRYRUN, Redis 7)';
    yield { name: 'permissions', status: 'skipped', detail, hint: null };
    return;
  }
  for (const [name, verbs, commands] of RIGHTS) {
    const refused: string[] = [];
    for (const command of commands) {
      if (asText(await ask('ACL', 'DRYRUN', user, ...command)) !== 'OK') refused.push(command[0]);
    }
    yield refused.length === 0
      ? { name, status: 'ok', detail: verbs, hint: null }
      : {
          name,
          status: 'warning',
          detail: `user ${user} may not ${refused.join(', ')} on every key (${verbs})`,
          hint: null,
        };
  }
}

async function* attempt(name: string, check: () => Promise<Check>): AsyncGenerator<Check, void, undefined> {
  try {
    yield await check();
  } catch (error) {
    if (!(error instanceof MqError)) throw error;
    if (error.code === 'ABORTED') throw error;
    // A user without the right to ask is none that the server is broken for.
    yield {
      name,
      status: error.code === 'PERMISSION_DENIED' ? 'skipped' : 'failed',
      detail: error.message,
      hint: error.hint,
    };
  }
}
