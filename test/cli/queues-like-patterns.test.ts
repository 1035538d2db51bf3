import { mkdir, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CommandLine } from '../support/command-line.ts';

let mq: CommandLine;
beforeEach(async () => {
  mq = await CommandLine.open();
});
afterEach(() => mq.close());

const NAMES = ['a*b', 'a?b', 'a[x]b', 'a[b', 'a\\b', 'axb', 'ab'];
/** The pattern that means the queue of this name and no other. */
const exactly = (name: string): string => name.replace(/[*?[\]\\]/g, '\\$&');

async function queuesOf(...args: readonly string[]): Promise<readonly string[]> {
  return ((await mq.json(args)) as readonly { readonly queue: string }[]).map(({ queue }) => queue);
}

async function allowed(rule: string, queue: string): Promise<boolean> {
  const contexts = { c: { url: mq.url, rules: { [rule]: { pause: 'deny' } } } };
  await mkdir(mq.path('.config/mq'), { recursive: true });
  await writeFile(mq.path('.config/mq/config.yaml'), JSON.stringify({ contexts }), { mode: 0o600 });
  const { code, stderr } = await mq.run(['-c', 'c', 'pause', queue], { env: { MQ_URL: '' } });
  if (code !== 0) expect(stderr).toContain(`has a rule against this: ${rule}`);
  return code === 0;
}

it('a queue whose name looks like a pattern is listed, looked at, remembered and guarded by its name', async () => {
  for (const name of NAMES) await mq.ok(['enqueue', name, `of ${name}`]);
  for (const name of NAMES) {
    expect(await queuesOf('ls', exactly(name))).toEqual([name]);
    expect(await queuesOf('ls', name)).toContain(name);
    expect(await mq.json(['peek', name])).toMatchObject([{ queue: name, body: `of ${name}` }]);
    const told = (await mq.json(['history', exactly(name), '-n', '0'])) as readonly {
      readonly queues: readonly string[];
    }[];
    expect(new Set(told.flatMap(({ queues }) => queues))).toEqual(new Set([name]));
    for (const other of NAMES)
      expect([name, other, await allowed(exactly(name), other)]).toEqual([name, other, other !== name]);
  }
  // These have no sign of a pattern in them, and mean themselves as they stand.
  for (const name of ['a[b', 'a\\b']) {
    expect(await queuesOf('ls', name)).toEqual([name]);
    expect(await allowed(name, name)).toBe(false);
    expect(await mq.json(['history', name, '-n', '0'])).not.toEqual([]);
  }
});
