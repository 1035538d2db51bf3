import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MQ } from '../../support/mq.ts';
import { PseudoTerminal } from '../../support/pseudo-terminal.ts';
import { SqliteLoad } from '../../support/top/sqlite-load.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-top-guards-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const urlOf = (context: string): string => `sqlite:${join(folder, `${context}.db`)}`;

/** `from` holds orders with three messages; `to` holds orders and archive, both empty, and has these settings. */
async function contexts(settings: string): Promise<{ readonly from: SqliteLoad; readonly to: SqliteLoad }> {
  const config = join(folder, 'mq');
  await mkdir(config);
  const text = `contexts:\n  from:\n    url: '${urlOf('from')}'\n  to:\n    url: '${urlOf('to')}'\n${settings}`;
  await writeFile(join(config, 'config.yaml'), text, { mode: 0o600 });
  const [from, to] = [await SqliteLoad.open(urlOf('from')), await SqliteLoad.open(urlOf('to'))];
  await from.send(await from.create('orders'), ['1', '2', '3']);
  await to.create('orders');
  await to.create('archive');
  return { from, to };
}

const top = (): PseudoTerminal =>
  new PseudoTerminal(process.execPath, [MQ, 'top', '-c', 'from', '-c', 'to', '--interval', '200ms'], {
    columns: 110,
    rows: 20,
    env: { XDG_CONFIG_HOME: folder, XDG_STATE_HOME: folder, XDG_CACHE_HOME: folder, MQ_URL: '' },
  });

/** Up to the question, or to what refuses the move. */
async function moveTo(terminal: PseudoTerminal, target: string, expected: RegExp): Promise<string> {
  await terminal.until(/^>.orders +from /m);
  await terminal.until(/archive +to /);
  terminal.write('m');
  await terminal.until(/To: _/);
  terminal.write(`${target}\r`);
  return terminal.until(expected);
}

const THREE = { ready: 3 };
const NONE = { ready: 0 };

test.for([
  ['a protected target', '    protected: true\n', 'archive', 'archive'],
  ['a target of the same name', '    protected: true\n', 'orders', 'orders'],
  ["a rule on the target's name", "    rules: {'arch*': {move: confirm}}\n", 'archive', 'archive'],
] as const)(
  '%s asks for its name: another name changes nothing, the right one moves',
  async ([, settings, target, typed]) => {
    const { from, to } = await contexts(settings);
    await using _from = from;
    await using _to = to;
    await using terminal = top();
    const question = await moveTo(terminal, `${target}@to`, /Type the queue's name/);
    expect(question).toMatch(new RegExp(`Move 3 messages from orders to ${target}`));
    expect(question).toMatch(/context: from, to to \(protected\)/);
    if (typed !== 'orders') expect(question).toMatch(new RegExp(`${typed} is protected: type its name`));
    // Neither a plain yes nor the name of what is moved.
    for (const wrong of ['y', `not-${typed}`, ...(typed === 'orders' ? [] : ['orders'])]) {
      terminal.write(`${wrong}\r`);
      await terminal.until(/nothing was changed/);
      expect([await from.figures('orders'), await to.figures(target)]).toMatchObject([THREE, NONE]);
      await moveTo(terminal, `${target}@to`, /Type the queue's name/);
    }
    terminal.write(`${typed}\r`);
    await terminal.until(new RegExp(`moved 3 messages from orders to ${target}`));
    expect([await from.figures('orders'), await to.figures(target)]).toMatchObject([NONE, THREE]);
  },
);

test.for([
  ['readonly', '    readonly: true\n', /the context to is readonly: it refuses to move/],
  ['a rule that denies', "    rules: {'archive': {move: deny}}\n", /rule against this: archive: \{move: deny\}/],
] as const)('%s on the target refuses the move', async ([, settings, refusal]) => {
  const { from, to } = await contexts(settings);
  await using _from = from;
  await using _to = to;
  await using terminal = top();
  await moveTo(terminal, 'archive@to', refusal);
  terminal.write('y');
  await terminal.until((text) => !/any key: back/.test(text));
  expect([await from.figures('orders'), await to.figures('archive')]).toMatchObject([THREE, NONE]);
});

test('rules of the target hold for the target alone: y is enough where they name another queue', async () => {
  const { from, to } = await contexts("    rules: {'orders': {move: confirm}}\n");
  await using _from = from;
  await using _to = to;
  await using terminal = top();
  const question = await moveTo(terminal, 'archive@to', /Go on\?/);
  expect(question).toMatch(/context: from, to to\n/);
  terminal.write('y');
  await terminal.until(/moved 3 messages from orders to archive/);
  expect([await from.figures('orders'), await to.figures('archive')]).toMatchObject([NONE, THREE]);
});
