import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonOf, runMq } from '../../support/mq.ts';

let folder: string;
let env: Readonly<Record<string, string>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-bad-input-'));
  env = { MQ_URL: `sqlite:${join(folder, 'queues.db')}`, XDG_CONFIG_HOME: folder };
  await runMq(['create', 'q', '--max-receives', '1'], { env });
  await runMq(['enqueue', 'q', 'first', 'second', '{"n":1}'], { env });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function bodies(queue = 'q'): Promise<readonly string[]> {
  const found = await jsonOf<readonly { body: string }[]>(['peek', queue, '-n', '0', '-o', 'json'], { env });
  return found.map(({ body }) => body);
}

const SECRET = 's3cret%21word';
/** Nothing listens on port 1. */
const DEAD_PORT = '127.0.0.1:1';

describe('is answered in one clear line with the documented code, and changes nothing', () => {
  it.each<readonly [readonly string[], number, RegExp]>([
    [['peek', 'nosuch'], 4, /^mq: error: no queue nosuch in /],
    [['drain', 'nosuch'], 4, /no queue nosuch/],
    [['redrive', 'nosuch', '--yes'], 4, /no queue nosuch/],
    [['purge', 'nosuch', '--yes'], 4, /no queue nosuch/],
    [['move', 'nosuch', 'q', '--yes'], 4, /no queue nosuch/],
    [['inspect', 'q', 'nosuch'], 4, /no message nosuch in q/],
    [['peek', 'q', '--filter', 'body.a ='], 2, /the filter is not valid: /],
    [['redrive', 'q', '--yes', '--filter', 'nosuch == 1'], 2, /the filter is not valid: there is no nosuch/],
    [['drain', 'q', '--filter', 'size == "x"'], 2, /the filter is not valid: /],
    [['purge', 'q', '--yes', '--filter', 'id.matches("(")'], 2, /the filter is not valid: /],
    [['peek', 'q', '--dead', '--state', 'ready'], 2, /contradict each other/],
    [['drain', 'q', '--to', 'a', '--exec', 'b'], 2, /contradict each other/],
    [['drain', 'q', '-j', '4'], 2, /--jobs needs --exec/],
    [['move', 'q', 'q', '--yes'], 2, /same queue/],
    [['enqueue', 'q', 'a', '--lines'], 2, /--lines/],
    [['enqueue', 'q', 'a', '--delay', '5'], 2, /unit|--delay/],
    [['enqueue', 'q', 'a', '--rate', '0/s'], 2, /--rate/],
    [['enqueue', 'q', '--file', 'no-such-file'], 2, /no-such-file cannot be read: there is no such file/],
    [['enqueue', 'q', '--file', '.'], 2, /it is a folder/],
    [['drain', 'q', '--to', 'no-such-folder/f'], 1, /no such folder/],
    [['peek', 'q', '-n', 'x'], 2, /whole number/],
    [['peek', 'q', '--nosuch'], 2, /unknown option '--nosuch'/],
    [['nosuch'], 2, /unknown command 'nosuch'/],
    [['create', ''], 2, /name/],
    [['create', 'q'], 1, /q/],
    [['create', 'x', '--kind', 'quorum'], 2, /quorum/],
    [['purge', 'q'], 2, /--yes/],
    [['delete', 'q'], 2, /--yes/],
    [['enqueue', 'q', 'a', '--group', 'g'], 7, /group/],
    [['enqueue', 'q', 'a', '--exchange', 'e'], 7, /exchange/],
    [['--url', 'nosuch://x', 'ls'], 2, /scheme/],
    [['--url', 'sqlite:/etc/passwd', 'ls'], 2, /not an mq queue file/],
    [['--url', `redis://user:${SECRET}@${DEAD_PORT}/0`, 'ls'], 5, /cannot connect to redis:/],
    [['--url', `amqp://user:${SECRET}@${DEAD_PORT}/`, 'peek', 'q'], 5, /connect/],
    [['--url', `amqp://user:${SECRET}@[bad/`, 'ls'], 2, /^mq: error: /],
  ])('mq %j', async (args, code, says) => {
    const ran = await runMq(args, { env, cwd: folder });
    expect(ran.stderr).toMatch(says);
    expect(ran.code).toBe(code);
    expect(ran.stdout).toBe('');
    // The error, a caret under what is wrong in a filter, a hint; never a stack, a secret or a control sequence.
    const [line = '', ...rest] = ran.stderr.trimEnd().split('\n');
    expect(line).toMatch(/^mq: error: \S.*\S$/);
    for (const more of rest) expect(more).toMatch(/^( {4}hint: .*|>? +\d+ \|.*| +\^|)$/);
    expect(ran.stderr).not.toContain(SECRET);
    expect(ran.stderr).not.toContain(decodeURIComponent(SECRET));
    expect(await bodies()).toEqual(['first', 'second', '{"n":1}']);
  });

  it('also as JSON, for programs', async () => {
    const { code, stdout, stderr } = await runMq(['drain', 'nosuch', '-o', 'json'], { env });
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'QUEUE_NOT_FOUND', queue: 'nosuch' } });
  });
});

describe('broken NDJSON', () => {
  it.each([
    ['{"body":', 'not valid JSON'],
    ['[]', 'object'],
    ['{"body":7}', 'body'],
    ['{"body":"=","encoding":"base64"}', 'base64'],
    ['{"body":"c","nosuch":1}', 'nosuch'],
  ])('%s is named with its line, and what was sent before it is told and there', async (broken, says) => {
    const file = join(folder, 'f');
    await writeFile(file, `{"body":"a"}\n{"body":"b"}\n${broken}\n{"body":"z"}\n`);
    const { code, stdout, stderr } = await runMq(['enqueue', says, '--ndjson', '--file', file], { env });
    expect(code).toBe(3);
    expect(stderr).toContain('line 3');
    expect(stderr).toContain(says);
    expect(stderr).toContain('2 messages sent before that');
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(await bodies(says)).toEqual(['a', 'b']);
  });
});

describe('a name of a queue', () => {
  it.each([
    'with space',
    'a/b',
    'a@b',
    `"quoted' name"`,
    '$(touch PWNED)',
    'new\nline',
    '\u001b[31mred',
    '-dash',
    '*',
    '😀',
  ])('%j is only a name', async (name) => {
    expect((await runMq(['enqueue', '--', name, 'body'], { env, cwd: folder })).code).toBe(0);
    expect(await jsonOf<readonly { body: string }[]>(['peek', '-o', 'json', '--', name], { env })).toMatchObject([
      { queue: name, body: 'body' },
    ]);
    const drained = await runMq(['drain', '--to', join(folder, 'f'), '--', name], { env });
    expect(drained.code).toBe(0);
    expect(drained.stderr).not.toContain('\u001b');
    expect(drained.stderr.split('\n')).toHaveLength(2);
    expect((await runMq(['delete', '--yes', '--', name], { env })).code).toBe(0);
    expect(await bodies()).toHaveLength(3);
  });
});

describe('without a configuration and without a broker', () => {
  it('a queue that comes into being in the embedded default is told, and q@prod is refused: no context has that name', async () => {
    const home = await mkdtemp(join(folder, 'home-'));
    const none = { MQ_URL: '', XDG_CONFIG_HOME: home, XDG_DATA_HOME: home, XDG_STATE_HOME: home };
    for (const args of [
      ['peek', 'q@prod'],
      ['enqueue', 'q@prod', 'x'],
      ['create', 'q@prod'],
      ['purge', 'q@prod', '--yes'],
    ]) {
      const { code, stderr } = await runMq(args, { env: none });
      expect(stderr).toContain('no context prod');
      expect(code).toBe(4);
    }
    const made = await runMq(['enqueue', 'q', 'x'], { env: none });
    expect(made.code).toBe(0);
    expect(made.stderr).toContain(`made the queue q in sqlite:${home}/mq/mq.db, because no broker was chosen`);
    // Only what comes into being is told.
    expect((await runMq(['enqueue', 'q', 'y'], { env: none })).stderr).toBe('');
  });
});
