import { execFileSync } from 'node:child_process';
import { stat, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandLine } from '../support/command-line.ts';

let mq: CommandLine;
beforeEach(async () => {
  mq = await CommandLine.open();
});
afterEach(() => mq.close());

interface Shown {
  readonly id: string;
  readonly body: string;
  readonly encoding: string;
}

async function all(queue = 'q'): Promise<readonly Shown[]> {
  return (await mq.json(['peek', queue, '-n', '0'])) as readonly Shown[];
}
const bodies = async (): Promise<readonly string[]> => (await all()).map((message) => message.body);

describe('where messages come from', () => {
  it('each BODY is one', async () => {
    const { stdout } = await mq.ok(['enqueue', 'q', 'a', '', 'c d']);
    expect(await bodies()).toEqual(['a', '', 'c d']);
    expect(stdout.trimEnd().split('\n')).toEqual((await all()).map((message) => message.id));
  });

  it.each([
    [[], 'a\nb\n', ['a\nb\n']],
    [['-'], 'a', ['a']],
    [['--lines'], 'a\n\nb', ['a', '', 'b']],
    [['--lines'], 'a\r\nb\n', ['a\r', 'b']],
    [['--null'], 'a\nb\0c\0', ['a\nb', 'c']],
    [['--ndjson'], '{"body":"a"}\n\n{"body":"Yg==","encoding":"base64"}', ['a', 'b']],
  ])('%j of stdin %j', async (args, stdin, expected) => {
    await mq.ok(['enqueue', 'q', ...args], { stdin });
    expect(await bodies()).toEqual(expected);
  });

  it('an id that is printed is a line of its own, whatever is in it and beside it', async () => {
    const ids = ['plain', 'line\nfeed', '\u001b[2J', 'é', '\u202e'];
    const stdin = ids.map((id) => JSON.stringify({ id, body: 'x' })).join('\n');
    const { stdout } = await mq.ok(['enqueue', 'q', '--ndjson'], { stdin });
    expect(stdout).toBe('plain\nline\\nfeed\n\\e[2J\né\n\\u202e\n');
  });

  it('a file, byte for byte', async () => {
    await writeFile(mq.path('f'), Uint8Array.of(0, 255, 10));
    await mq.ok(['enqueue', 'q', '--file', mq.path('f')]);
    expect(await all()).toMatchObject([{ body: 'AP8K', encoding: 'base64' }]);
  });

  it('a person at a terminal without a BODY gets a hint instead of a silent wait', async () => {
    const { code, stderr } = await mq.run(['enqueue', 'q'], { terminals: { stdin: true } });
    expect(code).toBe(2);
    expect(stderr).toContain('nothing to send');
  });

  it.each([
    [['a', '--file', 'f']],
    [['a', '-']],
    [['a', '--lines']],
    [['--lines', '--ndjson']],
    [['a', 'b', '--id', '7']],
    [['--lines', '--id', '7']],
    // A broker would keep the first and drop the others, some of them (SQS FIFO) without a word.
    [['a', 'b', '--dedup', '7']],
    [['--lines', '--dedup', '7']],
    [['--ndjson', '--dedup', '7']],
    [['a', '-H', 'x']],
    [['a', '-H', 'x=1', '-H', 'x=2']],
    [['a', '--routing-key', 'k']],
    [['a', '--backoff', 'sometimes']],
    [['--file', 'no/such/file']],
  ])('refuses %j with exit 2 and sends nothing', async (args) => {
    await mq.ok(['create', 'q']);
    expect((await mq.run(['enqueue', 'q', ...args])).code).toBe(2);
    expect(await all()).toEqual([]);
  });
});

describe('an empty input', () => {
  it('is mostly an accident, and refused without a trace unless it is asked for', async () => {
    await writeFile(mq.path('nothing'), '');
    for (const [args, source] of [
      [[], 'stdin'],
      [['-'], 'stdin'],
      [['--file', mq.path('nothing')], mq.path('nothing')],
    ] as const) {
      const { code, stdout, stderr } = await mq.run(['enqueue', 'q', ...args], { stdin: '' });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(`${source} is empty: nothing was sent`);
      expect(stderr).toContain('--allow-empty');
    }
    await expect(stat(mq.path('queues.db'))).rejects.toThrow('ENOENT');
    expect((await mq.ok(['enqueue', 'q', ''])).stderr).toBe('');
    expect((await mq.ok(['enqueue', 'q', '--allow-empty'], { stdin: '' })).stderr).toBe('');
    expect((await mq.ok(['enqueue', 'q', '--allow-empty', '--file', mq.path('nothing')])).stderr).toBe('');
    expect(await bodies()).toEqual(['', '', '']);
    expect((await mq.run(['enqueue', 'q', 'a', '--allow-empty'])).code).toBe(2);
  });

  it.each(['--lines', '--null', '--ndjson'])('has no message with %s, which is said', async (split) => {
    const { stdout, stderr } = await mq.ok(['enqueue', 'q', split], { stdin: '' });
    expect(stdout).toBe('');
    expect(stderr).toBe('mq: note: no message in the input: nothing was sent\n');
    expect((await mq.ok(['enqueue', 'q', split, '-q'], { stdin: '' })).stderr).toBe('');
  });
});

it('into the URL of a broker makes no queue of that name: --url was forgotten', async () => {
  for (const url of ['redis://localhost', 'amqp://localhost/%2f', 'sqs://eu-west-1', 'sqlite:jobs.db']) {
    const { code, stderr } = await mq.run(['enqueue', url, 'body']);
    expect(code, url).toBe(4);
    expect(stderr).toContain('hint: that is the address of a broker: mq --url URL VERB QUEUE');
  }
  expect(await mq.json(['ls'])).toEqual([]);
});

describe('metadata', () => {
  it('travels', async () => {
    await mq.ok([
      'enqueue',
      'q',
      'x',
      '--id',
      '7',
      '--priority',
      '3',
      '--ttl',
      '1h',
      '--dedup',
      'd',
      '--name',
      'n',
      '-H',
      'a=b=c',
      '-H',
      'e=',
    ]);
    expect(await all()).toMatchObject([
      { id: '7', priority: 3, ttlMs: 3_600_000, deduplicationId: 'd', name: 'n', headers: { a: 'b=c', e: '' } },
    ]);
    await mq.ok(['enqueue', 'q', 'later', '--delay', '1h']);
    expect(await mq.json(['peek', 'q', '--state', 'delayed'])).toMatchObject([{ body: 'later', state: 'delayed' }]);
  });

  it('is refused with exit 7 before anything is sent when the kind cannot hold it', async () => {
    await mq.ok(['create', 'q']);
    for (const args of [
      ['a', '--group', 'g'],
      ['a', '--exchange', 'e'],
      ['a', '--backoff', 'fixed:1s'],
    ]) {
      const { code, stderr } = await mq.run(['enqueue', 'q', ...args]);
      expect(code, args.join(' ')).toBe(7);
      expect(stderr).toContain('hint:');
    }
    const stdin = '{"body":"a"}\n{"body":"b","groupId":"g"}\n';
    const { code, stderr } = await mq.run(['enqueue', 'q', '--ndjson'], { stdin });
    expect(code).toBe(3);
    expect(stderr).toContain('line 2');
    expect(await bodies()).toEqual(['a']);
  });

  it('flags win over the envelope', async () => {
    await mq.ok(['enqueue', 'q', '--ndjson', '-H', 'a=flag', '--priority', '9'], {
      stdin: '{"body":"x","priority":1,"headers":{"a":"envelope","b":"kept"}}\n',
    });
    expect(await all()).toMatchObject([{ priority: 9, headers: { a: 'flag', b: 'kept' } }]);
  });
});

describe('broken NDJSON', () => {
  it.each([
    ['{"body":"b"', 'line 3: not valid JSON'],
    ['{"bdy":"b"}', 'unknown field "bdy"'],
    ['{"body":"_","encoding":"base64"}', 'not valid base64'],
    ['[1]', 'expected a JSON object'],
  ])('%s: names the line, tells what was sent before it', async (line, says) => {
    const { code, stdout, stderr } = await mq.run(['enqueue', 'q', '--ndjson'], {
      stdin: `{"body":"1"}\n{"body":"2"}\n${line}\n{"body":"4"}\n`,
    });
    expect(code).toBe(3);
    expect(stderr).toContain('line 3');
    expect(stderr).toContain(says);
    expect(stderr).toContain('2 messages sent before that');
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(await bodies()).toEqual(['1', '2']);
  });

  it('in the first line nothing was attempted: exit 2', async () => {
    expect((await mq.run(['enqueue', 'q', '--ndjson'], { stdin: 'nope\n{"body":"2"}\n' })).code).toBe(2);
  });
});

it('goes on when the reader of the ids has gone', async () => {
  const stdin = Array.from({ length: 5000 }, (_, at) => `${at}\n`).join('');
  const { code } = await mq.run(['enqueue', 'q', '--lines'], {
    stdin,
    onStdout: (_text, stop) => stop('stdout-closed'),
  });
  expect(code).toBe(0);
  expect(await mq.json(['ls'])).toMatchObject([{ ready: 5000 }]);
});

it('a pipe that nobody opens to write is given up when interrupted, and no queue is made', async () => {
  execFileSync('mkfifo', [mq.path('bodies')]);
  const interruption = new AbortController();
  const running = mq.run(['enqueue', 'q', '--lines', '--file', mq.path('bodies')], { interrupt: interruption.signal });
  // Before or in the open: either has to end.
  setImmediate(() => interruption.abort());
  expect((await running).code).toBe(130);
  await expect(stat(mq.path('queues.db'))).rejects.toThrow('ENOENT');
});

describe('an input that is refused leaves no embedded queue, nor a file of them', () => {
  it.each<readonly [string, readonly string[], string | Uint8Array, number, RegExp]>([
    ['a byte order mark', ['--ndjson'], '\ufeff{"body":"x"}\r\n', 2, /line 1: .*byte order mark \(UTF-8, EF BB BF\)/],
    ['UTF-16', ['--ndjson'], Buffer.from('\ufeff{"body":"x"}\n', 'utf16le'), 2, /byte order mark of UTF-16 \(FF FE\)/],
    ['no JSON', ['--ndjson'], 'x\n', 2, /line 1: not valid JSON/],
    ['an unknown field', ['--ndjson'], '{"body":"x","priorty":1}\n', 2, /priorty/],
    ['nothing', [], '', 2, /stdin is empty/],
    ['no message', ['--ndjson'], '\n', 0, /no message in the input/],
    ['what the kind cannot hold', ['--group', 'g'], 'x', 7, /group/],
    ['an exchange', ['--exchange', 'e'], 'x', 7, /exchange/],
    ['a priority that is none', ['--ndjson'], '{"body":"x","priority":1.5}\n', 7, /priority/],
    ['a file that is not there', ['--file', 'no-such-file'], '', 2, /no such file/],
  ])('%s', async (_what, args, stdin, code, says) => {
    const ran = await mq.run(['enqueue', 'newq', ...args], { stdin });
    expect(ran.stderr).toMatch(says);
    expect(ran.code).toBe(code);
    await expect(stat(mq.path('queues.db'))).rejects.toThrow('ENOENT');
  });

  it('a name that can be none', async () => {
    expect((await mq.run(['enqueue', '', 'x'])).code).toBe(2);
    await expect(stat(mq.path('queues.db'))).rejects.toThrow('ENOENT');
  });
});

it('a byte order mark in front of a text is sent as it is, and said', async () => {
  const { stderr } = await mq.ok(['enqueue', 'q', '--lines'], { stdin: '\ufeffa\nb\n' });
  expect(stderr).toContain('begins with a byte order mark (UTF-8, EF BB BF): it is part of the first message');
  expect(await bodies()).toEqual(['\ufeffa', 'b']);
});

it('the keys of an envelope are what stands there, also after one that holds a backslash', async () => {
  const lines = [
    { a: '1', '\\': '2' },
    { a: '1', '\n': '3' },
    { a: '1', '\t': '4' },
  ].map((headers) => ({ body: 'x', headers }));
  await mq.ok(['enqueue', 'q', '--ndjson'], { stdin: lines.map((line) => `${JSON.stringify(line)}\n`).join('') });
  const out = (await mq.ok(['drain', 'q'])).stdout.trimEnd().split('\n');
  expect(out.map((line) => /"headers":(\{.*?\})/.exec(line)?.[1])).toEqual(
    lines.map(({ headers }) => JSON.stringify(headers)),
  );
});

it('nesting without end is refused in one line, as any input that is no envelope', async () => {
  for (const text of [
    '['.repeat(200_000),
    `{"body":"x","headers":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`,
  ]) {
    const { code, stderr } = await mq.run(['enqueue', 'q', '--ndjson'], { stdin: `${text}\n` });
    expect(code).toBe(2);
    expect(stderr).toContain('line 1: not valid JSON');
  }
});

it.each(['9007199254740993', '-9007199254740993', '1.2345678901234567891e20', '12345678901234567.5', '1e999'])(
  'a number that would be rounded is refused with its line: %s',
  async (number) => {
    for (const field of [`"headers":{"id":${number}}`, `"native":{"a":[1, ${number}]}`]) {
      const { code, stderr } = await mq.run(['enqueue', 'q', '--ndjson'], { stdin: `{"body":"x",${field}}\n` });
      expect(code).toBe(2);
      expect(stderr).toContain(`line 1: the number ${number} cannot be kept exactly`);
    }
  },
);

it('a number that stays what it is, and digits in a text, are sent and come back as they were', async () => {
  const headers = '{"a":9007199254740992,"b":0.1,"c":1152921504606847000,"d":1.5e+300,"e":"9007199254740993","f":-7}';
  const body = '{\\"id\\": 9007199254740993, \\"x\\":1e999}';
  await mq.ok(['enqueue', 'q', '--ndjson'], { stdin: `{"body":"${body}","headers":${headers}}\n` });
  const { stdout } = await mq.ok(['peek', 'q', '-o', 'ndjson']);
  expect(stdout).toContain(`"body":"${body}"`);
  expect(stdout).toContain(`"headers":${headers}`);
});

it('a message that was there already is told as that, for people and in JSON', async () => {
  const again = async (...more: readonly string[]) => mq.ok(['enqueue', 'once', 'x', '--dedup', 'D', ...more]);
  expect((await again()).stderr).toBe('');
  const second = await again();
  expect(second.stderr).toContain(
    '1 message was in once already, with the same id and content, and was not stored again',
  );
  const [first] = JSON.parse((await again('-o', 'json')).stdout);
  expect(first).toEqual({ queue: 'once', id: second.stdout.trim(), status: 'sent', already: true });
  const envelopes = '{"body":"x","deduplicationId":"D"}\n{"body":"x","deduplicationId":"E"}\n'.repeat(2);
  const many = await mq.ok(['enqueue', 'once', '--ndjson'], { stdin: envelopes });
  expect(many.stderr).toContain('3 messages were in once already');
  expect(await mq.json(['ls', 'once'])).toMatchObject([{ ready: 2 }]);
});
