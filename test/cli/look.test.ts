import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker } from '../../src/contract/broker.ts';
import type { QueueStats } from '../../src/contract/stats.ts';
import { CommandLine } from '../support/command-line.ts';

let mq: CommandLine;
beforeEach(async () => {
  mq = await CommandLine.open();
});
afterEach(() => mq.close());

const STATS_KEYS = [
  ...['queue', 'context', 'broker', 'kind', 'state', 'ready', 'inFlight', 'delayed', 'dead', 'depth', 'consumers'],
  ...['oldestAgeMs', 'rates', 'approximate', 'notes', 'sampledAt'],
];
const ENVELOPE_KEYS = [
  ...['queue', 'id', 'state', 'body', 'encoding', 'headers', 'contentType', 'enqueuedAt', 'deliverAt', 'receiveCount'],
  ...['priority', 'groupId', 'deduplicationId', 'ttlMs', 'name', 'dead', 'native'],
];

describe('ls and stats', () => {
  it('have exactly the documented keys, in json, ndjson and yaml', async () => {
    await mq.ok(['enqueue', 'orders', 'a', 'b']);
    await mq.ok(['enqueue', 'later', 'c', '--delay', '1h']);
    const listed = (await mq.json(['ls'])) as readonly Record<string, unknown>[];
    expect(listed.map((row) => Object.keys(row))).toEqual([STATS_KEYS, STATS_KEYS]);
    expect(listed).toMatchObject([
      {
        queue: 'later',
        ready: 0,
        delayed: 1,
        depth: 1,
        context: null,
        broker: 'sqlite',
        kind: 'sqlite',
        state: 'running',
      },
      { queue: 'orders', ready: 2, delayed: 0, inFlight: 0, dead: 0, depth: 2 },
    ]);
    const lines = (await mq.ok(['stats', '-o', 'ndjson'])).stdout.trimEnd().split('\n');
    expect(lines.map((line) => Object.keys(JSON.parse(line)))).toEqual([STATS_KEYS, STATS_KEYS]);
    const { parse } = await import('yaml');
    expect(parse((await mq.ok(['ls', 'orders', '-o', 'yaml'])).stdout)).toMatchObject([{ queue: 'orders', ready: 2 }]);
  });

  it('choose by glob and name, sort, and tell an unknown name from a glob without matches', async () => {
    for (const name of ['orders-a', 'orders-b', 'other']) await mq.ok(['enqueue', name, 'x']);
    await mq.ok(['enqueue', 'orders-b', 'y']);
    const names = async (...args: string[]): Promise<readonly string[]> =>
      ((await mq.json(['ls', ...args])) as readonly { queue: string }[]).map((row) => row.queue);
    expect(await names('orders*')).toEqual(['orders-a', 'orders-b']);
    expect(await names('orders*', 'other')).toEqual(['orders-a', 'orders-b', 'other']);
    expect(await names('--sort', 'ready')).toEqual(['orders-b', 'orders-a', 'other']);
    expect(await names('--dead')).toEqual([]);
    expect(await names('nothing*')).toEqual([]);
    expect((await mq.run(['ls', 'nothing'])).code).toBe(4);
  });

  it('print plain columns into a pipe, headings only when wanted', async () => {
    await mq.ok(['enqueue', 'x'.repeat(120), 'a']);
    const { stdout } = await mq.ok(['ls']);
    expect(stdout.split('\n')[0]).toMatch(/^QUEUE +KIND +STATE +READY +IN-FLIGHT +DELAYED +DEAD +CONSUMERS$/);
    expect(stdout).toContain('x'.repeat(120));
    const onTerminal = await mq.ok(['ls', '--no-headers'], { terminals: { stdout: true }, columns: 60 });
    expect(onTerminal.stdout).toMatch(/^x+… .*\n$/);
  });

  it('make rates from two readings, and say how when they were not taken', async () => {
    await mq.ok(['enqueue', 'orders', 'a']);
    expect((await mq.ok(['stats', 'orders'])).stderr).toContain('add --sample 2s');
    expect(await mq.json(['stats', 'orders'])).toMatchObject([{ rates: { inPerSec: null } }]);
    expect(await mq.json(['stats', 'orders', '--sample', '50ms'])).toMatchObject([
      { rates: { inPerSec: 0, outPerSec: 0, errorPerSec: 0 } },
    ]);
  });

  it('repeat with --watch until interrupted, with exit 130', async () => {
    await mq.ok(['enqueue', 'orders', 'a']);
    let readings = 0;
    const ran = await mq.run(['stats', 'orders', '--watch', '20ms', '-o', 'ndjson'], {
      onStdout: (_text, stop) => {
        readings += 1;
        if (readings === 3) stop('SIGINT');
      },
    });
    expect(ran.code).toBe(130);
    expect(ran.stdout.trimEnd().split('\n')).toHaveLength(3);
    expect((await mq.run(['stats', '--watch', '-o', 'json'])).code).toBe(2);
  });

  it('say nothing on stdout when there are no queues', async () => {
    expect(await mq.ok(['ls'])).toMatchObject({ stdout: '', stderr: 'mq: note: no queues\n' });
    expect((await mq.ok(['ls', '-o', 'json'])).stdout).toBe('[]\n');
    expect((await mq.ok(['ls', '-q'])).stderr).toBe('');
  });
});

describe('ls and stats of names that are not there', () => {
  beforeEach(() => mq.ok(['create', 'orders']));

  it.each(['ls', 'stats'])('%s: a name is exit 4, also with a bracket that is never closed', async (verb) => {
    for (const name of ['order', 'orders[', 'orders]', 'a\\b']) {
      const { code, stdout, stderr } = await mq.run([verb, name]);
      expect({ name, code, stdout }).toEqual({ name, code: 4, stdout: '' });
      expect(stderr).toContain(`no queue ${name}`);
    }
    await mq.ok(['create', 'orders[']);
    expect(await mq.json([verb, 'orders['])).toMatchObject([{ queue: 'orders[' }]);
  });

  it.each(['ls', 'stats'])('%s: a pattern that nothing matches is named, once', async (verb) => {
    const more = verb === 'stats' ? ['--sample', '1ms'] : [];
    const { stdout, stderr } = await mq.ok([verb, 'jobs*', 'order?', 'x[12]', ...more]);
    expect(stdout).toContain('orders');
    expect(stderr.match(/no queue matches .*/g)).toEqual(['no queue matches jobs*', 'no queue matches x[12]']);
    const none = await mq.ok([verb, 'jobs*', '-o', 'json']);
    expect(none).toMatchObject({ stdout: '[]\n', stderr: 'mq: note: no queue matches jobs*\n' });
  });

  it('ls --dead: a queue whose dead letters are unknown is named, and never counted as having none', async () => {
    const stats = (queue: string, dead: number | null | undefined): QueueStats => ({
      ...{ queue, broker: 'test', kind: 'list', state: 'running', ready: 0, depth: 0 },
      ...(dead === undefined ? {} : { dead }),
      ...{ approximate: [], notes: {}, sampledAt: 0 },
    });
    const broker = (all: readonly QueueStats[]): Broker => ({
      name: 'test',
      address: 'test',
      async *queues() {
        yield* all;
      },
      queue: () => Promise.reject(new Error('not asked for')),
      close: async () => {},
    });
    const run = (all: readonly QueueStats[]) => mq.ok(['ls', '--dead', '-o', 'json'], { broker: broker(all) });
    expect((await run([stats('a', 0), stats('b', undefined)])).stderr).toBe('');
    const some = await run([stats('a', 2), stats('b', null), stats('c', undefined)]);
    expect(JSON.parse(some.stdout)).toMatchObject([{ queue: 'a', dead: 2 }]);
    expect(some.stderr).toBe('mq: note: not known how many dead letters these have: b\n');
    const table = await mq.ok(['ls', '--dead'], { broker: broker([stats('b', null)]) });
    expect(table.stderr).toContain('no queue is known to have dead letters');
    expect(table.stderr).toContain('these have: b');
    expect((await mq.ok(['ls', '--dead'], { broker: broker([stats('a', 0)]) })).stderr).toContain(
      'no queue has dead letters',
    );
  });
});

describe('peek', () => {
  it('shows envelopes with exactly the documented keys, and takes nothing', async () => {
    await mq.ok([
      'enqueue',
      'orders',
      '{"order":42}',
      '-H',
      'type=order.created',
      '--content-type',
      'application/json',
    ]);
    const [envelope] = (await mq.json(['peek', 'orders'])) as readonly Record<string, unknown>[];
    expect(Object.keys(envelope ?? {})).toEqual(ENVELOPE_KEYS);
    expect(envelope).toMatchObject({
      body: '{"order":42}',
      encoding: 'utf8',
      headers: { type: 'order.created' },
      state: 'ready',
    });
    expect(await mq.json(['ls'])).toMatchObject([{ ready: 1, inFlight: 0 }]);
  });

  it('limits to 10, to -n, or not at all', async () => {
    await mq.ok(['enqueue', 'orders', '--lines'], { stdin: Array.from({ length: 25 }, (_, at) => `${at}\n`).join('') });
    const count = async (...args: string[]): Promise<number> =>
      ((await mq.json(['peek', 'orders', ...args])) as unknown[]).length;
    expect(await count()).toBe(10);
    expect(await count('-n', '3')).toBe(3);
    expect(await count('-n', '0')).toBe(25);
    expect(await count('-n', '0', '--filter', 'body >= 20.0')).toBe(5);
    expect(await count('-n', '2', '--filter', 'body >= 20.0')).toBe(2);
  });

  it('gives raw bodies, with what is asked for between them', async () => {
    await mq.ok(['enqueue', 'orders'], { stdin: Uint8Array.of(0, 255, 10, 128) });
    await mq.ok(['enqueue', 'orders', 'zwei']);
    expect([...(await mq.ok(['peek', 'orders', '-o', 'body'])).bytes]).toEqual([
      0,
      255,
      10,
      128,
      10,
      ...Buffer.from('zwei'),
    ]);
    expect([...(await mq.ok(['peek', 'orders', '-o', 'body', '--null'])).bytes]).toEqual([
      0,
      255,
      10,
      128,
      0,
      ...Buffer.from('zwei'),
    ]);
    expect((await mq.run(['peek', 'orders', '--null'])).code).toBe(2);
  });

  it('finds one message by id, or says that there is none', async () => {
    const id = (await mq.ok(['enqueue', 'orders', 'a', 'b'])).stdout.split('\n')[1] ?? '';
    expect(await mq.json(['peek', 'orders', '--id', id])).toMatchObject([{ body: 'b' }]);
    expect(await mq.json(['inspect', 'orders', id])).toMatchObject({ body: 'b' });
    expect((await mq.run(['peek', 'orders', '--id', 'nope'])).code).toBe(4);
    expect((await mq.run(['inspect', 'orders', 'nope'])).code).toBe(4);
  });

  it('of one message by its id shows it only when it is what was asked for otherwise, too', async () => {
    await mq.ok(['create', 'orders', '--max-receives', '1']);
    await mq.ok(['enqueue', 'orders', 'first', '--id', 'twin']);
    const { code } = await mq.run(['drain', 'orders', '--exec', 'false']);
    expect(code).toBe(3);
    await mq.ok(['enqueue', 'orders', 'second', '--id', 'single']);
    const look = (...args: string[]) => mq.run(['peek', 'orders', '-o', 'body', '--id', ...args]);
    expect(await look('twin')).toMatchObject({ code: 0, stdout: 'first' });
    expect(await look('twin', '--dead')).toMatchObject({ code: 0, stdout: 'first' });
    expect(await look('single', '--filter', 'raw == "second"')).toMatchObject({ code: 0, stdout: 'second' });
    for (const narrower of [
      ['--state', 'ready'],
      ['--filter', 'raw == "second"'],
      ['--older-than', '1h'],
    ]) {
      const { code, stdout, stderr } = await look('twin', ...narrower);
      expect({ code, stdout }, narrower.join(' ')).toEqual({ code: 4, stdout: '' });
      expect(stderr).toMatch(/no (ready )?message twin in orders( that matches)?\n/);
    }
    expect((await look('single', '--dead')).stderr).toContain('no dead message single in orders');
    // Two messages of one id, in two states: each is found where it was asked for.
    await mq.ok(['enqueue', 'orders', 'other', '--id', 'twin']);
    expect(await look('twin', '--dead')).toMatchObject({ code: 0, stdout: 'first' });
    expect(await look('twin', '--state', 'ready')).toMatchObject({ code: 0, stdout: 'other' });
  });

  it('lets no hostile text act on a terminal, in no format', async () => {
    const evil = '\u001b]0;owned\u0007\u009b31m\u202e\u2028';
    const queue = `q${evil}`;
    await mq.ok(['enqueue', queue, evil, '-H', `${evil}=${evil}`]);
    for (const format of ['text', 'table', 'json', 'ndjson', 'yaml', 'body']) {
      const { stdout, stderr } = await mq.ok(['peek', queue, '-o', format], {
        terminals: { stdout: true, stderr: true },
      });
      expect(controlsIn(stdout + stderr), format).toEqual([]);
    }
    for (const args of [['ls'], ['stats'], ['inspect', queue], ['peek', `${evil}-missing`], ['drain', queue]]) {
      const { stdout, stderr } = await mq.run(args, { terminals: { stdout: true, stderr: true }, columns: 200 });
      expect(controlsIn(stdout + stderr.replaceAll('\r\u001b[2K', '')), args[0]).toEqual([]);
    }
  });

  it('leaves JSON in a pipe exactly as it is', async () => {
    const evil = '\u009b31m\u202e\u2028';
    await mq.ok(['enqueue', 'q', evil]);
    expect((await mq.ok(['peek', 'q', '-o', 'ndjson'])).stdout).toContain(evil);
  });
});

function controlsIn(text: string): readonly string[] {
  return [...text].filter((character) => {
    const code = character.codePointAt(0) ?? 0;
    return (code < 0x20 && character !== '\n') || (code >= 0x7f && code < 0xa0) || (code >= 0x2028 && code <= 0x202e);
  });
}

describe('backends and inspect', () => {
  it('print every kind with every ability', async () => {
    const kinds = (await mq.json(['backends'])) as readonly { kind: string; abilities: object }[];
    expect(kinds.map((kind) => kind.kind)).toContain('sqlite');
    const table = (await mq.ok(['backends'])).stdout;
    for (const { kind } of kinds) expect(table.split('\n')[0]).toContain(kind);
  });

  it('describes a queue as one object', async () => {
    await mq.ok(['create', 'orders', '--max-receives', '7']);
    expect(await mq.json(['inspect', 'orders'])).toMatchObject({
      queue: 'orders',
      kind: 'sqlite',
      stats: { ready: 0 },
      configuration: { maxReceives: 7 },
      deadLetters: { keptIn: { place: 'state' } },
      capabilities: { abilities: { drain: { supported: true } } },
    });
  });
});
