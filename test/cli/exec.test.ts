import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandLine } from '../support/command-line.ts';

let mq: CommandLine;
beforeEach(async () => {
  mq = await CommandLine.open();
});
afterEach(() => mq.close());

async function fill(count: number): Promise<void> {
  await mq.ok(['create', 'q', '--max-receives', '3']);
  await mq.ok(['enqueue', 'q', '--lines'], { stdin: Array.from({ length: count }, (_, at) => `${at}\n`).join('') });
}

async function attempts(): Promise<readonly (number | null)[]> {
  const found = (await mq.json(['peek', 'q', '-n', '0'])) as readonly { receiveCount: number | null }[];
  return found.map(({ receiveCount }) => receiveCount);
}

describe('the variables of drain --exec', () => {
  it('are those of this message alone: what an outer one has left is not seen', async () => {
    await mq.ok(['enqueue', 'q', 'body']);
    const outer = {
      ...{
        MQ_HEADER_TENANT: 'acme',
        MQ_HEADERS: '{"tenant":"acme"}',
        MQ_ID: 'outer',
        MQ_QUEUE: 'outer',
        MQ_STATE: 'dead',
      },
      ...{ MQ_RECEIVE_COUNT: '9', MQ_CONTENT_TYPE: 'text/x', MQ_PRIORITY: '9', MQ_GROUP_ID: 'g', MQ_NAME: 'n' },
      ...{ MQ_ENQUEUED_AT: 'then', MQ_DEAD_REASON: 'r', MQ_DEAD_ERROR: 'e' },
    };
    const { stdout } = await mq.ok(['drain', 'q', '--exec', 'env | grep ^MQ_ | sort'], { env: outer });
    const seen = new Map(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => [line.replace(/=.*/s, ''), line.replace(/^.*?=/s, '')]),
    );
    expect([...seen.keys()].filter((name) => name in outer)).toEqual([
      ...['MQ_ENQUEUED_AT', 'MQ_HEADERS', 'MQ_ID', 'MQ_QUEUE', 'MQ_RECEIVE_COUNT', 'MQ_STATE'],
    ]);
    expect(seen.get('MQ_HEADERS')).toBe('{}');
    expect(seen.get('MQ_QUEUE')).toBe('q');
    // What the command itself may want of mq is still there.
    expect(seen.get('MQ_URL')).toBe(mq.url);
  });
});

describe('a command that cannot be run', () => {
  it.each([
    ['no-such-program', 'not found'],
    ['./no-such-file', 'not found'],
    ['/', 'cannot be run'],
  ])('%s: stops, gives back, exit 2, and no delivery is used up', async (command, says) => {
    await fill(30);
    const { code, stderr } = await mq.run(['drain', 'q', '--exec', command, '-j', '4']);
    expect(code).toBe(2);
    expect(stderr).toContain(says);
    expect(await mq.json(['ls'])).toMatchObject([{ ready: 30, inFlight: 0, dead: 0 }]);
    expect(await attempts()).toEqual(Array.from({ length: 30 }, () => 0));
  });

  it('after some were done, it is partly done', async () => {
    await fill(5);
    const { code, stderr } = await mq.run(['drain', 'q', '--exec', 'read -r n; [ "$n" -lt 2 ] || no-such-program']);
    expect(code).toBe(3);
    expect(stderr).toContain('stopped: the command was not found');
    expect(await mq.json(['ls'])).toMatchObject([{ ready: 3, dead: 0 }]);
  });
});

describe('a command that always fails', () => {
  it('gets ten deliveries, and the rest stays as it was', async () => {
    await fill(30);
    const { code, stderr } = await mq.run(['drain', 'q', '--exec', 'exit 1']);
    expect(code).toBe(3);
    expect(stderr).toContain('stopped: the first 10 deliveries to the command have all failed');
    expect(stderr).toContain('--keep-going');
    const [stats] = (await mq.json(['ls'])) as readonly { ready: number; dead: number; inFlight: number }[];
    expect(stats).toMatchObject({ ready: 27, dead: 3, inFlight: 0 });
  });

  it('gets all with --keep-going', async () => {
    await fill(12);
    expect((await mq.run(['drain', 'q', '--exec', 'exit 1', '--keep-going', '-q'])).code).toBe(3);
    expect(await mq.json(['ls'])).toMatchObject([{ ready: 0, dead: 12 }]);
  });

  it('is not judged by one message, nor after it has worked once', async () => {
    await mq.ok(['create', 'q', '--max-receives', '15']);
    await mq.ok(['enqueue', 'q', 'bad']);
    expect((await mq.run(['drain', 'q', '--exec', 'exit 1', '-q'])).code).toBe(3);
    expect(await mq.json(['ls'])).toMatchObject([{ ready: 0, dead: 1 }]);
    await mq.ok(['create', 'p', '--max-receives', '1']);
    await mq.ok(['enqueue', 'p', '--lines'], { stdin: 'good\n'.concat('bad\n'.repeat(20)) });
    await mq.run(['drain', 'p', '--exec', 'grep -q good', '-q']);
    expect(await mq.json(['ls', 'p'])).toMatchObject([{ ready: 0, dead: 20 }]);
  });
});

describe('a command that leaves something running in the background', () => {
  it('has ended when it has ended: what it wrote is there, and nobody waits for the rest', async () => {
    await mq.ok(['enqueue', 'q', 'a', 'b']);
    const started = performance.now();
    const { stdout } = await mq.ok(['drain', 'q', '--exec', 'sleep 20 & seq 20000; cat']);
    expect(performance.now() - started).toBeLessThan(15_000);
    expect(stdout.split('\n').filter((line) => line === '20000')).toHaveLength(2);
    expect(await mq.json(['ls'])).toMatchObject([{ ready: 0, dead: 0 }]);
  });
});
