import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMq } from '../../support/mq.ts';

/** A turn of the loop that never comes: what waits for it waits for ever, and nothing else keeps the program alive. */
const NEVER = `
  const timers = require('node:timers/promises');
  timers.setImmediate = () => new Promise(() => {});
  require('node:module').syncBuiltinESMExports();
`;

let folder: string;
let env: Readonly<Record<string, string>>;
let stuck: Readonly<Record<string, string>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-unfinished-'));
  env = { MQ_URL: `sqlite:${join(folder, 'queues.db')}`, XDG_CONFIG_HOME: folder };
  expect((await runMq(['enqueue', 'q', 'there'], { env })).code).toBe(0);
  const preload = join(folder, 'never.cjs');
  await writeFile(preload, NEVER);
  stuck = { ...env, NODE_OPTIONS: `--require ${preload}` };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a program whose work never ends, and that nothing keeps alive, does not end with 0', () => {
  it.each([[['enqueue', 'q', 'lost?']], [['drain', 'q', '--exec', 'true']], [['purge', 'q', '--yes']]])(
    'mq %j',
    async (args) => {
      const { code, stderr } = await runMq(args, { env: stuck });
      expect(code).toBe(70);
      expect(stderr).toMatch(/^mq: error: a bug in mq: it ended in the middle of its work; .*\n$/);
    },
  );

  it('a wait that has a time ends by that', async () => {
    expect((await runMq(['top', '--once', '--timeout', '1s'], { env: stuck })).code).toBe(5);
    expect((await runMq(['ls', '--timeout', '1s'], { env: stuck })).code).toBe(5);
  });

  it('Tab', async () => {
    const { code, stdout } = await runMq(['__complete', 'zsh', '--', 'peek', ''], { env: stuck });
    expect({ code, stdout }).toEqual({ code: 70, stdout: '' });
  });

  it('and the same commands end with 0 otherwise', async () => {
    expect(await runMq(['enqueue', 'q', 'sent'], { env })).toMatchObject({ code: 0, stderr: '' });
    expect((await runMq(['__complete', 'zsh', '--', 'peek', ''], { env })).stdout).toBe('q\n');
  });
});
