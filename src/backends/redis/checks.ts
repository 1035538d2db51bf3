import type { Check } from '../../contract/broker.ts';
import { isMqError, throwIfAborted } from '../../contract/errors.ts';
import { clockCheck, clockReading } from '../common/clock.ts';
import type { Connection } from './connection/connection.ts';
import { asList, asText } from './connection/reply.ts';

/** A key that does not exist. The commands below are checked and not run: `ACL DRYRUN` (Redis 7, Valkey). */
const NOBODYS_KEY = 'mq-is-there-anybody';
const RIGHTS: readonly (readonly [
  name: string,
  verbs: string,
  commands: readonly (readonly [string, ...string[]])[],
])[] = [
  [
    'may look',
    'ls, stats, inspect, peek',
    [
      ['SCAN', '0'],
      ['TYPE', NOBODYS_KEY],
      ['EXISTS', NOBODYS_KEY],
      ['LLEN', NOBODYS_KEY],
      ['LRANGE', NOBODYS_KEY, '0', '0'],
      ['LINDEX', NOBODYS_KEY, '0'],
      ['XINFO', 'STREAM', NOBODYS_KEY],
      ['XINFO', 'GROUPS', NOBODYS_KEY],
      ['XRANGE', NOBODYS_KEY, '-', '+'],
      ['XPENDING', NOBODYS_KEY, 'g', '-', '+', '1'],
      ['HMGET', NOBODYS_KEY, 'a'],
      ['ZRANGE', NOBODYS_KEY, '0', '0'],
      ['ZCARD', NOBODYS_KEY],
    ],
  ],
  [
    'may send',
    'enqueue, and the target of redrive, move and copy',
    [
      ['XADD', NOBODYS_KEY, '*', 'a', 'b'],
      ['LPUSH', NOBODYS_KEY, 'a'],
      ['RPUSH', NOBODYS_KEY, 'a'],
      ['EVAL', 'return 1', '1', NOBODYS_KEY],
      ['HSET', NOBODYS_KEY, 'a', 'b'],
      ['ZADD', NOBODYS_KEY, '1', 'a'],
    ],
  ],
  [
    'may take',
    'drain, purge, and the source of redrive and move',
    [
      ['EVAL', 'return 1', '1', NOBODYS_KEY],
      ['XDEL', NOBODYS_KEY, '0-1'],
      ['XACK', NOBODYS_KEY, 'g', '0-1'],
      ['LTRIM', NOBODYS_KEY, '0', '-1'],
      ['LSET', NOBODYS_KEY, '0', 'a'],
      ['LREM', NOBODYS_KEY, '0', 'a'],
      ['ZREM', NOBODYS_KEY, 'a'],
      ['UNLINK', NOBODYS_KEY],
    ],
  ],
  [
    'may pause',
    'pause and resume',
    [
      ['EVAL', 'return 1', '1', NOBODYS_KEY],
      ['XGROUP', 'SETID', NOBODYS_KEY, 'g', '0'],
      ['HSET', NOBODYS_KEY, 'a', 'b'],
      ['HDEL', NOBODYS_KEY, 'a'],
    ],
  ],
  ['may create', 'create', [['XGROUP', 'CREATE', NOBODYS_KEY, 'g', '0', 'MKSTREAM']]],
  [
    'may delete',
    'delete',
    [
      ['EVAL', 'return 1', '1', NOBODYS_KEY],
      ['UNLINK', NOBODYS_KEY],
    ],
  ],
];

/** Checks version, clock, memory policy and rights, only by reading. */
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
  // Told only if it is wrong: most servers save nothing, or save without errors.
  if (await isSaveFailing(ask)) {
    const detail = 'the last save to disk failed: the server refuses every change, unless it is set not to';
    yield { name: 'disk', status: 'warning', detail, hint: 'see its log, its folder and the space on its disk' };
  }
  yield* attempt('role', async () => roleCheck(asText(await ask('INFO', 'replication'))));
  yield* rightsChecks(ask);
}

async function isSaveFailing(ask: (name: string, ...args: readonly string[]) => Promise<unknown>): Promise<boolean> {
  try {
    return /^(?:rdb_last_bgsave_status|aof_last_write_status):err/m.test(asText(await ask('INFO', 'persistence')));
  } catch (error) {
    // Other checks ask for the content of INFO, and they tell if it may not be run.
    if (!isMqError(error) || error.code === 'ABORTED') throw error;
    return false;
  }
}

function serverCheck(info: string): Check {
  const value = (key: string): string | null => new RegExp(`^${key}:(\\S+)`, 'm').exec(info)?.[1] ?? null;
  const product =
    value('valkey_version') === null ? `Redis ${value('redis_version') ?? '?'}` : `Valkey ${value('valkey_version')}`;
  return { name: 'server', status: 'ok', detail: `${product}, ${value('redis_mode') ?? 'standalone'}`, hint: null };
}

/** A read-only replica refuses every change, whatever the rights of the user are. */
function roleCheck(info: string): Check {
  if (/^role:slave/m.test(info) && !/^slave_read_only:0/m.test(info)) {
    return {
      name: 'role',
      status: 'warning',
      detail: 'a read-only replica: ls, stats, inspect and peek work, every verb that changes something is refused',
      hint: 'connect to the master, or through Sentinel with ?sentinel=NAME',
    };
  }
  const role = /^role:slave/m.test(info) ? 'a replica that takes changes' : 'master';
  return { name: 'role', status: 'ok', detail: /^role:/m.test(info) ? role : 'unknown', hint: null };
}

async function* rightsChecks(
  ask: (name: string, ...args: readonly string[]) => Promise<unknown>,
): AsyncGenerator<Check, void, undefined> {
  let user: string;
  try {
    user = asText(await ask('ACL', 'WHOAMI'));
    await ask('ACL', 'DRYRUN', user, 'PING');
  } catch (error) {
    if (!isMqError(error)) throw error;
    const why = 'unknown: this server, or this user, cannot ask about rights (ACL DRYRUN, Redis 7)';
    yield { name: 'permissions', status: 'skipped', detail: why, hint: null };
    for (const [name, verbs, commands] of RIGHTS) {
      yield { name, status: 'skipped', detail: `unknown; needed for ${verbs}: ${namesOf(commands)}`, hint: null };
    }
    return;
  }
  for (const [name, verbs, commands] of RIGHTS) {
    const refused: (readonly [string, ...string[]])[] = [];
    const onSomeKeys: (readonly [string, ...string[]])[] = [];
    for (const command of commands) {
      const answer = asText(await ask('ACL', 'DRYRUN', user, ...command));
      if (answer === 'OK') continue;
      // The server says of which kind the refusal is. For a key that does not exist, it tells nothing of existing ones.
      (/access the .* key/.test(answer) ? onSomeKeys : refused).push(command);
    }
    const findings = [
      ...(refused.length === 0 ? [] : [`may not run ${namesOf(refused)}`]),
      ...(onSomeKeys.length === 0 ? [] : [`may run ${namesOf(onSomeKeys)} not on every key`]),
    ];
    yield findings.length === 0
      ? { name, status: 'ok', detail: verbs, hint: null }
      : { name, status: 'warning', detail: `user ${user} ${findings.join(', and ')} (${verbs})`, hint: null };
  }
}

/** `XINFO GROUPS`, `LLEN`: a command of several words is one right. */
function namesOf(commands: readonly (readonly [string, ...string[]])[]): string {
  return [
    ...new Set(commands.map(([name, second = '']) => (/^X(INFO|GROUP)$/.test(name) ? `${name} ${second}` : name))),
  ].join(', ');
}

async function* attempt(name: string, check: () => Promise<Check>): AsyncGenerator<Check, void, undefined> {
  try {
    yield await check();
  } catch (error) {
    if (!isMqError(error)) throw error;
    if (error.code === 'ABORTED') throw error;
    // If the user has no right to ask, the server is not broken.
    yield {
      name,
      status: error.code === 'PERMISSION_DENIED' ? 'skipped' : 'failed',
      detail: error.message,
      hint: error.hint,
    };
  }
}
