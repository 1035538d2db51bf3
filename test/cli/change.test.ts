import { execFile } from 'node:child_process';
import { open, readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandLine } from '../support/command-line.ts';

let mq: CommandLine;
beforeEach(async () => {
  mq = await CommandLine.open();
});
afterEach(() => mq.close());

const REPORT_KEYS = [
  ...['operation', 'from', 'to', 'dryRun', 'matched', 'moved', 'skipped', 'failed', 'left', 'unknown', 'durationMs'],
  ...['perSec', 'guarantee', 'native', 'failures', 'complete'],
];
const PERSON = { stdin: true, stdout: true, stderr: true };

async function bodies(queue: string, ...args: string[]): Promise<readonly string[]> {
  return ((await mq.json(['peek', queue, '-n', '0', ...args])) as readonly { body: string }[]).map(({ body }) => body);
}

/** `count` messages in `queue`, the first `dead` of them given up on by a consumer. */
async function fill(queue: string, count: number, dead: number): Promise<void> {
  await mq.ok(['create', queue, '--max-receives', '1']);
  const stdin = Array.from({ length: count }, (_, at) => `{"body":"{\\"n\\":${at}}","id":"m${at}"}\n`).join('');
  await mq.ok(['enqueue', queue, '--ndjson'], { stdin });
  if (dead === 0) return;
  const ran = await mq.run(['drain', queue, '--exec', 'echo no luck >&2; exit 9', '-n', `${dead}`, '-q']);
  expect(ran.code).toBe(3);
}

it('drain --to - writes to stdout, like the - of other programs; a backup is refused there', async () => {
  await fill('q', 3, 0);
  const refused = await mq.run(['purge', 'q', '--backup', '-', '--yes']);
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toBe(
    'mq: error: a backup must be a file, and - is stdout\n    hint: mq drain writes to stdout; a file of that name is ./-\n',
  );
  const drained = await mq.run(['drain', 'q', '--to', '-']);
  expect(drained.code).toBe(0);
  expect(
    drained.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).id),
  ).toEqual(['m0', 'm1', 'm2']);
  expect(await bodies('q')).toEqual([]);
});

it('stats --dead of a pattern says that it wants one queue, and what shows several', async () => {
  await fill('q', 3, 1);
  const { code, stderr } = await mq.run(['stats', 'q*', '--dead']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^mq: error: --dead looks into one queue, and "q\*" is a pattern\n {4}hint: mq ls --dead /);
  expect((await mq.run(['stats', 'nothing', '--dead'])).code).toBe(4);
});

it('a paused queue can be cleaned: what a dry run counts is what is taken', async () => {
  await fill('q', 3, 0);
  await mq.ok(['pause', 'q']);
  const purge = ['purge', 'q', '--filter', 'body.n == 1'];
  expect(await mq.json([...purge, '--dry-run'])).toMatchObject({ matched: 1, moved: 1, left: 2 });
  expect(await mq.json([...purge, '--yes'])).toMatchObject({ matched: 1, moved: 1, left: 2, complete: true });
  expect(await bodies('q')).toEqual(['{"n":0}', '{"n":2}']);
  // A drain is a consumer, which a pause is meant to stop.
  const drained = await mq.run(['drain', 'q']);
  expect(drained).toMatchObject({ code: 0, stdout: '' });
  expect(drained.stderr).toContain('q is paused: nothing is delivered until it is resumed');
});

describe('asking', () => {
  it.each([
    ['redrive', 'q'],
    ['move', 'q', 'other'],
    ['purge', 'q'],
    ['delete', 'q'],
  ])('%s: without a terminal and without --yes it is exit 2 at once, and names the flag', async (...args) => {
    const { code, stderr } = await mq.run(args);
    expect(code).toBe(2);
    expect(stderr).toContain('--yes');
    expect((await mq.run([...args, '--no-input'], { terminals: PERSON })).code).toBe(2);
  });

  it('says broker, queue, count and effect; no, nothing and the end of input are all a no', async () => {
    await fill('q', 5, 2);
    for (const answer of ['n', '', 'yess', null]) {
      const ran = await mq.run(['redrive', 'q'], { terminals: PERSON, answers: [answer] });
      expect(ran.code).toBe(1);
      expect(ran.stderr).toMatch(/Redrive 2 messages from q to q on sqlite \(.*queues\.db\)\?/);
      expect(ran.stderr).toContain('nothing was changed');
    }
    expect(await bodies('q', '--dead')).toHaveLength(2);
    expect((await mq.run(['redrive', 'q'], { terminals: PERSON, answers: ['y'] })).code).toBe(0);
    expect(await bodies('q', '--dead')).toHaveLength(0);
  });

  it('names the filter, the ages and the bound that were asked for', async () => {
    await fill('q', 5, 3);
    await mq.ok(['create', 'other']);
    const asked = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await mq.run(args, { terminals: PERSON, answers: ['no'] });
      expect(code).toBe(1);
      return stderr;
    };
    const filter = ['--filter', 'raw != "\u001b[2J"'];
    const redrive = await asked('redrive', 'q', ...filter, '--max', '1', '--newer-than', '2h', '--max-replays', '3');
    expect(redrive).toContain('Redrive up to 1 of 3 messages from q to q on sqlite');
    expect(redrive).toContain('\n  only those for which this is true: raw != "\\e[2J"\n');
    expect(redrive).toContain('\n  only those newer than 2h\n  only those that were redriven fewer than 3 times\n');
    const move = await asked('move', 'q', 'other', '--max', '1', '--older-than', '1ms');
    expect(move).toContain('Move up to 1 of 2 messages from q to other');
    expect(move).toContain('\n  only those older than 1ms\n');
    expect(await asked('move', 'q', 'other', '--max', '9')).toContain('Move 2 messages from q to other');
    expect(await asked('purge', 'q', '--filter', 'true')).toContain('\n  only those for which this is true: true\n');
    expect(await asked('purge', 'q')).not.toContain('only those');
    expect(await bodies('q')).toHaveLength(2);
  });

  it("purge and delete want the queue's name", async () => {
    await fill('q', 3, 0);
    for (const verb of ['purge', 'delete']) {
      const wrong = await mq.run([verb, 'q'], { terminals: PERSON, answers: ['y'] });
      expect(wrong.code).toBe(1);
      expect(wrong.stderr).toContain('that is not the name of the queue');
      expect(wrong.questions).toEqual(["Type the queue's name (q) to go on: "]);
    }
    expect(await bodies('q')).toHaveLength(3);
    await mq.ok(['purge', 'q'], { terminals: PERSON, answers: ['q'] });
    expect(await bodies('q')).toHaveLength(0);
    await mq.ok(['delete', 'q'], { terminals: PERSON, answers: ['q'] });
    expect((await mq.run(['inspect', 'q'])).code).toBe(4);
  });

  it.each([
    ['redrive', 'q'],
    ['move', 'q', 'other'],
    ['copy', 'q', 'other'],
    ['purge', 'q'],
    ['drain', 'q'],
    ['peek', 'q'],
  ])('%s refuses ages that no message can have, where it would have found nothing', async (...args) => {
    await fill('q', 3, 1);
    await mq.ok(['create', 'other']);
    const { code, stderr } = await mq.run([...args, '--older-than', '2h', '--newer-than', '1h', '--yes']);
    expect(code).toBe(2);
    expect(stderr).toContain('contradict each other');
    expect((await mq.run(['peek', 'q', '--older-than', '0s', '--newer-than', '1h'])).code).toBe(0);
  });

  it('enqueue, copy, drain, pause and create do not ask', async () => {
    await mq.ok(['create', 'other']);
    await mq.ok(['enqueue', 'q', 'a'], { terminals: PERSON });
    await mq.ok(['copy', 'q', 'other'], { terminals: PERSON });
    await mq.ok(['pause', 'q'], { terminals: PERSON });
    await mq.ok(['resume', 'q'], { terminals: PERSON });
    await mq.ok(['drain', 'q'], { terminals: PERSON });
  });
});

describe('redrive', () => {
  it('reports the documented object, for a dry run too, which touches nothing', async () => {
    await fill('q', 10, 6);
    const dry = (await mq.json(['redrive', 'q', '--dry-run'])) as Record<string, unknown>;
    expect(Object.keys(dry)).toEqual(REPORT_KEYS);
    expect(dry).toMatchObject({
      operation: 'redrive',
      from: 'q',
      to: ['q'],
      dryRun: true,
      matched: 6,
      moved: 6,
      left: 0,
    });
    expect(await bodies('q', '--dead')).toHaveLength(6);
    const real = await mq.json(['redrive', 'q', '--filter', 'body.n >= 2.0', '--max', '3', '--yes']);
    expect(real).toMatchObject({ dryRun: false, matched: 3, moved: 3, failed: 0, complete: true });
    expect(await bodies('q', '--dead')).toEqual(['{"n":0}', '{"n":1}', '{"n":5}']);
  });

  it('guards against a loop with --max-replays', async () => {
    await fill('q', 1, 1);
    const die = (): Promise<unknown> => mq.run(['drain', 'q', '--exec', 'exit 1']);
    expect(await mq.json(['redrive', 'q', '--max-replays', '1', '--yes'])).toMatchObject({ moved: 1 });
    await die();
    expect(await mq.json(['redrive', 'q', '--max-replays', '1', '--yes'])).toMatchObject({ moved: 0, skipped: 1 });
  });
});

describe('move and copy', () => {
  it('move takes, copy leaves, both keep the order and set headers', async () => {
    await fill('q', 4, 0);
    await mq.ok(['create', 'to']);
    expect(await mq.json(['copy', 'q', 'to', '--set-header', 'from=copy'])).toMatchObject({
      operation: 'copy',
      moved: 4,
    });
    expect(await bodies('q')).toHaveLength(4);
    await mq.ok(['purge', 'to', '--yes']);
    expect(await mq.json(['move', 'q', 'to', '-n', '3', '--yes'])).toMatchObject({ operation: 'move', moved: 3 });
    expect(await bodies('to')).toEqual(['{"n":0}', '{"n":1}', '{"n":2}']);
    expect(await bodies('q')).toEqual(['{"n":3}']);
  });

  it('go from broker to broker', async () => {
    await fill('q', 3, 0);
    const elsewhere = `sqlite:${mq.path('elsewhere.db')}`;
    await mq.ok(['--url', elsewhere, 'create', 'q']);
    expect(await mq.json(['move', 'q', 'q', '--to-url', elsewhere, '--yes'])).toMatchObject({
      moved: 3,
      guarantee: 'at-least-once',
    });
    expect(await mq.json(['--url', elsewhere, 'ls'])).toMatchObject([{ ready: 3 }]);
    expect(await bodies('q')).toEqual([]);
  });

  it('never create a target, since a mistyped name would swallow the messages', async () => {
    await fill('q', 1, 0);
    const { code, stderr } = await mq.run(['move', 'q', 'tpyo', '--yes']);
    expect(code).toBe(4);
    expect(stderr).toContain('mq create');
    expect(await bodies('q')).toHaveLength(1);
    expect((await mq.run(['move', 'q', 'q', '--yes'])).code).toBe(2);
  });
});

describe('purge', () => {
  it('refuses a backup that would keep nothing', async () => {
    await fill('q', 2, 0);
    const { code, stderr } = await mq.run(['purge', 'q', '--backup', '/dev/null', '--yes']);
    expect(code).toBe(1);
    expect(stderr).toContain('/dev/null is not a file');
    expect(await bodies('q')).toHaveLength(2);
  });

  it('touches only the state that was named, and keeps a backup first', async () => {
    await fill('q', 6, 2);
    await mq.ok(['purge', 'q', '--dead', '--backup', mq.path('backup'), '--yes']);
    expect(await bodies('q', '--dead')).toEqual([]);
    expect(await bodies('q')).toHaveLength(4);
    const lines = (await readFile(mq.path('backup'), 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).id)).toEqual(['m0', 'm1']);
    await mq.ok(['purge', 'q', '--yes']);
    expect(await bodies('q')).toEqual([]);
  });

  it('of several queues checks all before it touches one, and reports each', async () => {
    await fill('a', 2, 0);
    await fill('b', 3, 0);
    expect((await mq.run(['purge', 'a', 'nope', '--yes'])).code).toBe(4);
    expect(await bodies('a')).toHaveLength(2);
    expect(await mq.json(['purge', 'a', 'b', '--yes'])).toMatchObject([
      { from: 'a', moved: 2 },
      { from: 'b', moved: 3 },
    ]);
  });
});

describe('drain', () => {
  it('to a file and back gives the same messages, binary ones too', async () => {
    const body = Uint8Array.of(0, 1, 255, 10, 13);
    await mq.ok(['enqueue', 'q'], { stdin: body });
    await mq.ok([
      'enqueue',
      'q',
      'text',
      '--id',
      'seven',
      '-H',
      'a=1',
      '--priority',
      '4',
      '--content-type',
      'text/plain',
    ]);
    const before = (await mq.json(['peek', 'q', '-n', '0'])) as readonly Record<string, unknown>[];
    expect(await mq.json(['drain', 'q', '--to', mq.path('f')])).toMatchObject({
      operation: 'drain',
      moved: 2,
      to: [mq.path('f')],
    });
    expect(await mq.json(['ls'])).toMatchObject([{ ready: 0, inFlight: 0 }]);
    await mq.ok(['enqueue', 'q', '--ndjson', '--file', mq.path('f')]);
    const after = (await mq.json(['peek', 'q', '-n', '0'])) as readonly Record<string, unknown>[];
    const travels = [
      'id',
      'body',
      'encoding',
      'headers',
      'priority',
      'contentType',
      'ttlMs',
      'name',
      'deduplicationId',
    ];
    const only = (messages: readonly Record<string, unknown>[]): unknown =>
      messages.map((message) => Object.fromEntries(travels.map((key) => [key, message[key]])));
    expect(only(after)).toEqual(only(before));
  });

  it('appends, and cuts off only its own unfinished line', async () => {
    await writeFile(mq.path('f'), '{"queue":"q","body":"kept"}\n{"queue":"q","id":"half');
    await mq.ok(['enqueue', 'q', 'new']);
    const { stderr } = await mq.ok(['drain', 'q', '--to', mq.path('f')]);
    expect(stderr).toContain('cut an unfinished line');
    const lines = (await readFile(mq.path('f'), 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).body)).toEqual(['kept', 'new']);

    await writeFile(mq.path('notes'), 'my own notes');
    await mq.ok(['enqueue', 'q', 'new']);
    expect((await mq.run(['drain', 'q', '--to', mq.path('notes')])).code).toBe(1);
    expect(await readFile(mq.path('notes'), 'utf8')).toBe('my own notes');
    expect(await bodies('q')).toEqual(['new']);
  });

  it.each([
    ['no/such/folder/f', 1, 'no such folder'],
    ['/dev/full', 3, 'the disk is full'],
  ])('a file that cannot be written (%s) loses nothing', async (path, expected, says) => {
    await fill('q', 3, 0);
    const { code, stderr } = await mq.run(['drain', 'q', '--to', path]);
    expect(code).toBe(expected);
    expect(stderr).toContain(says);
    expect(await bodies('q')).toHaveLength(3);
  });

  it('to a device that keeps nothing: what was asked for', async () => {
    await fill('q', 3, 0);
    const report = await mq.json(['drain', 'q', '--to', '/dev/null']);
    expect(report).toMatchObject({ matched: 3, moved: 3, failed: 0, complete: true });
    expect(await bodies('q')).toEqual([]);
  });

  it('to a named pipe: the reader gets every line; without a reader nothing is taken', async () => {
    await fill('q', 3, 0);
    await promisify(execFile)('mkfifo', [mq.path('pipe')]);
    const refused = await mq.run(['drain', 'q', '--to', mq.path('pipe')]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('nothing reads from it');
    expect(await bodies('q')).toHaveLength(3);

    // Opens for reading and writing, so that the pipe has a reader before mq comes.
    const reader = await open(mq.path('pipe'), 'r+');
    try {
      await mq.ok(['drain', 'q', '--to', mq.path('pipe')]);
      const { buffer, bytesRead } = await reader.read(Buffer.alloc(65_536));
      const lines = buffer.subarray(0, bytesRead).toString('utf8').trimEnd().split('\n');
      expect(lines.map((line) => JSON.parse(line).id)).toEqual(['m0', 'm1', 'm2']);
    } finally {
      await reader.close();
    }
    expect(await bodies('q')).toEqual([]);
  });

  it('makes no file when it is refused', async () => {
    expect((await mq.run(['drain', 'nope', '--to', mq.path('f')])).code).toBe(4);
    await expect(readFile(mq.path('f'))).rejects.toThrow('ENOENT');
  });

  it.each([
    ['json', (text: string) => (JSON.parse(text) as { body: string }[]).map(({ body }) => body)],
    [
      'ndjson',
      (text: string) =>
        text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line).body as string),
    ],
    ['body', (text: string) => text.split('\n')],
  ])('prints %s', async (format, read) => {
    await mq.ok(['enqueue', 'q', 'a', 'b']);
    expect(read((await mq.ok(['drain', 'q', '-o', format])).stdout)).toEqual(['a', 'b']);
    expect(await bodies('q')).toEqual([]);
  });

  it('hands each to a command: body on stdin, metadata as variables, never as part of the command', async () => {
    const evil = `$(touch ${mq.path('pwned')})'"; touch ${mq.path('pwned')} #`;
    await mq.ok(['enqueue', 'q', evil, '--id', evil, '-H', `x-tenant=${evil}`]);
    const command = `cat; printf '|%s|%s|%s|%s' "$MQ_ID" "$MQ_QUEUE" "$MQ_RECEIVE_COUNT" "$MQ_HEADER_X_TENANT"`;
    expect((await mq.ok(['drain', 'q', '--exec', command])).stdout).toBe(`${evil}|${evil}|q|1|${evil}`);
    await expect(readFile(mq.path('pwned'))).rejects.toThrow('ENOENT');
  });

  it('a command that fails releases its message, which dies with the exit code and its last words', async () => {
    await fill('q', 1, 0);
    const { code, stderr } = await mq.run(['drain', 'q', '--exec', 'echo first >&2; echo last words >&2; exit 3']);
    expect(code).toBe(3);
    expect(stderr).toContain('message m0: exit 3: last words');
    expect(await mq.json(['peek', 'q', '--dead'])).toMatchObject([{ id: 'm0', dead: { error: 'exit 3: last words' } }]);
    expect(await mq.json(['stats', 'q', '--dead'])).toMatchObject([
      { queue: 'q', count: 1, error: 'exit <n>: last words' },
    ]);
  });

  it('a command that reads nothing of a large body is no failure', async () => {
    await mq.ok(['enqueue', 'q'], { stdin: 'x'.repeat(1_000_000) });
    await mq.ok(['drain', 'q', '--exec', 'true']);
  });

  it('ends after --idle without a message', async () => {
    await mq.ok(['create', 'q']);
    expect(await mq.json(['drain', 'q', '--idle', '30ms', '--to', mq.path('f')])).toMatchObject({
      moved: 0,
      complete: true,
    });
  });

  it('stops quietly when the reader has gone, and keeps what was not written', async () => {
    await fill('q', 2000, 0);
    let written = '';
    const ran = await mq.run(['drain', 'q'], {
      onStdout: (text, stop) => {
        written += text;
        stop('stdout-closed');
      },
    });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const gone = written.trimEnd().split('\n').length;
    expect(gone).toBeLessThan(2000);
    expect(await mq.json(['ls'])).toMatchObject([{ ready: 2000 - gone, inFlight: 0 }]);
  });

  it('settles what is in the air when it is interrupted, reports, and ends with 143', async () => {
    await fill('q', 2000, 0);
    let written = '';
    const ran = await mq.run(['drain', 'q'], {
      onStdout: (text, stop) => {
        written += text;
        stop('SIGTERM');
      },
    });
    expect(ran.code).toBe(143);
    expect(ran.stderr).toContain('not finished; running it again is safe');
    const gone = written.trimEnd().split('\n').length;
    expect(await mq.json(['ls'])).toMatchObject([{ ready: 2000 - gone, inFlight: 0 }]);
  });

  it.each([
    [['--to', 'f', '--exec', 'x']],
    [['-j', '2']],
    [['--dead', '--state', 'ready']],
    [['--null']],
    [['--to', 'f', '-o', 'body']],
  ])('refuses %j', async (args) => {
    await mq.ok(['create', 'q']);
    expect((await mq.run(['drain', 'q', ...args])).code).toBe(2);
  });
});

it('pause and resume name each queue, and pause none when one is unknown', async () => {
  await mq.ok(['create', 'a']);
  expect((await mq.run(['pause', 'a', 'nope'])).code).toBe(4);
  expect(await mq.json(['ls'])).toMatchObject([{ state: 'running' }]);
  await mq.ok(['pause', 'a', '--reason', 'deploy']);
  expect(await mq.json(['ls'])).toMatchObject([{ state: 'paused' }]);
  await mq.ok(['resume', 'a']);
  expect(await mq.json(['ls'])).toMatchObject([{ state: 'running' }]);
});
