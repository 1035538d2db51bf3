import { mkdir, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MANIFESTS } from '../../src/backends/registry.ts';
import { TOPICS } from '../../src/cli/help/topics.ts';
import type { StopCause } from '../../src/cli/host/host.ts';
import { manual } from '../../src/cli/start/manual.ts';
import { CHANGING, VERBS, verbNamed } from '../../src/cli/verbs.ts';
import { CommandLine } from '../support/command-line.ts';

let mq: CommandLine;
beforeEach(async () => {
  mq = await CommandLine.open();
});
afterEach(() => mq.close());

it.each(TOPICS)('explains %s', async (topic) => {
  const { stdout } = await mq.ok(['help', topic]);
  expect(stdout.split('\n').length).toBeGreaterThan(5);
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(130);
});

it.each([
  [['pekk', 'orders'], 2, 'did you mean peek?'],
  [['peek', 'orders', '--limt', '3'], 2, 'did you mean --limit?'],
  [['help', 'filtres'], 2, 'did you mean filters?'],
  [['peek', 'ordres'], 4, 'did you mean orders?'],
  [['purge', 'ordres', '--yes'], 4, 'did you mean orders?'],
  [['move', 'ordres', 'orders', '--yes'], 4, 'did you mean orders?'],
  [['move', 'orders', 'ordres', '--yes'], 4, 'did you mean orders? Otherwise: a target is never created by a move'],
])('a slip of the finger gets the nearest word: %j', async (args, code, hint) => {
  await mq.ok(['enqueue', 'orders', 'x']);
  expect(await mq.run(args)).toMatchObject({ code, stderr: expect.stringContaining(hint) });
});

it('of two brokers, the one that has a queue of that very name is not the one meant', async () => {
  await mq.ok(['--url', `${mq.url}.other`, 'enqueue', 'orders', 'x']);
  const ran = await mq.run(['move', 'orders', 'orders', '--to-url', `${mq.url}.other`, '--yes']);
  expect(ran).toMatchObject({ code: 4, stderr: expect.stringContaining('no queue orders in ') });
  expect(ran.stderr).not.toContain('did you mean');
});

it.each(MANIFESTS.filter(({ parameters }) => parameters.length > 0))(
  'explains every parameter that a URL of $name may have, and refuses others in one sentence',
  async ({ title, schemes, parameters }) => {
    const names = parameters.map(({ name }) => name);
    const refused = await mq.run(['--url', `${schemes[0]?.name}://localhost?hunter2=secret99`, 'ls']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(`the ${title} URL has a parameter that it cannot have`);
    expect(refused.stderr).toContain(`known are: ${names.join(', ')}`);
    expect(refused.stderr).not.toMatch(/hunter2|secret99/);
    const { stdout } = await mq.ok(['help', 'urls']);
    for (const name of names) expect(stdout, name).toContain(`${name}=`);
  },
);

it('help is JSON for programs', async () => {
  const all = JSON.parse((await mq.ok(['--help', '-o', 'json'])).stdout);
  expect(all.verbs.map(({ name }: { name: string }) => name)).toEqual(VERBS.map(({ name }) => name));
  expect(all.topics).toEqual(TOPICS);
  for (const { name } of VERBS) {
    const document = JSON.parse((await mq.ok([name, '--help', '-o', 'json'])).stdout);
    expect(document).toMatchObject({ name, changes: CHANGING.includes(name) });
    expect(document.examples.length).toBeGreaterThanOrEqual(2);
    expect(document).toEqual(JSON.parse((await mq.ok(['help', name, '-o', 'json'])).stdout));
  }
});

it('a verb that cannot ask names the flags that it has: --dry-run only where there is one', async () => {
  for (const verb of CHANGING) {
    const { options } = JSON.parse((await mq.ok([verb, '--help', '-o', 'json'])).stdout);
    expect(
      options.some(({ long }: { long: string }) => long === '--dry-run'),
      verb,
    ).toBe(verbNamed(verb)?.changes?.hasDryRun === true);
  }
  expect((await mq.run(['purge', 'q'])).stderr).toContain(
    'hint: add --yes to go on without asking, or --dry-run to see',
  );
  expect((await mq.run(['delete', 'q'])).stderr).toMatch(/hint: add --yes to go on without asking\n$/);
});

it('the manual page has every verb and every flag', async () => {
  const page = await manual();
  for (const { name } of VERBS) {
    expect(page).toContain(`### mq ${name}\n`);
    const document = JSON.parse((await mq.ok([name, '--help', '-o', 'json'])).stdout);
    for (const { long } of document.options.filter(({ long }: { long: string }) => long !== '--help'))
      expect(page).toContain(long);
  }
});

it('what a context hides is not shown, in any format, and drain leaves it whole', async () => {
  await mkdir(mq.path('.config/mq'), { recursive: true });
  const context = { url: mq.url, redact: ['card.number', 'people.*.email', 'body.token'] };
  await writeFile(mq.path('.config/mq/config.yaml'), JSON.stringify({ context: 'c', contexts: { c: context } }));
  const env = { MQ_URL: '' };
  const body =
    '{"card":{"number":"4111","kind":"x"},"people":[{"email":"a@b"},{"email":"c@d"}],"token":{"deep":"t0ken"}}';
  await mq.ok(['enqueue', 'orders', body, '--id', 'one'], { env });
  for (const args of [
    ['peek', 'orders'],
    ['inspect', 'orders', 'one'],
  ]) {
    for (const format of ['text', 'json', 'ndjson', 'yaml', ...(args[0] === 'peek' ? ['body', 'table'] : [])]) {
      const { stdout, stderr } = await mq.ok([...args, '-vvv', '-o', format], { env });
      expect(stdout + stderr, format).not.toMatch(/4111|a@b|c@d|t0ken/);
      if (format !== 'table') expect(stdout, format).toContain('***');
    }
  }
  expect((await mq.ok(['peek', 'orders'], { env })).stderr).toContain('hidden by the context c');
  expect((await mq.ok(['drain', 'orders', '-o', 'body'], { env })).stdout).toContain(body);
});

it('doctor goes on after a failure, says every finding, and ends with 1', async () => {
  await mkdir(mq.path('.config/mq'), { recursive: true });
  const contexts = {
    gone: { url: 'amqp://127.0.0.1:1' },
    here: { url: mq.url },
    secret: { url: 'amqp://h', password: { env: 'NOT_SET' } },
  };
  await writeFile(mq.path('.config/mq/config.yaml'), JSON.stringify({ contexts }));
  await mq.ok(['enqueue', 'orders', 'x']);
  const all = await mq.run(['doctor', '--all', '-o', 'json'], { env: { MQ_URL: '' } });
  const findings: { about: string; name: string; status: string }[] = JSON.parse(all.stdout);
  const statusOf = (about: string, name: string) =>
    findings.find((finding) => finding.about === about && finding.name === name)?.status;
  expect(all.code).toBe(1);
  expect(statusOf('mq', 'configuration')).toBe('ok');
  expect(statusOf('gone', 'connection')).toBe('failed');
  expect(statusOf('secret', 'address')).toBe('failed');
  expect(statusOf('here', 'connection')).toBe('ok');
  expect(statusOf('here', 'list queues')).toBe('ok');
  expect(statusOf('here', 'may change')).toBe('ok');
  expect((await mq.run(['doctor'])).code).toBe(0);
  await writeFile(mq.path('.config/mq/config.yaml'), 'contexts: {a: 1}');
  expect(await mq.run(['doctor'])).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('FAIL  mq: configuration'),
  });
});

it('doctor that is stopped is none that found a fault: a closed pipe is 0, Ctrl-C is 130, and what was printed parses', async () => {
  const first = (cause: StopCause) =>
    mq.run(['doctor', '-o', 'json'], {
      onStdout: (text, stop) => {
        // The broker's first check: what comes after it is cut off.
        if (text.includes('"broker"')) stop(cause);
      },
    });
  expect(await first('stdout-closed')).toMatchObject({ code: 0 });
  const interrupted = await first('SIGINT');
  expect(interrupted.code).toBe(130);
  for (const { status } of JSON.parse(interrupted.stdout)) expect(status).toBe('ok');
});

it('doctor changes nothing: a database that is not there is not made', async () => {
  const url = `sqlite:${mq.path('none.db')}`;
  expect((await mq.run(['--url', url, 'doctor'])).code).toBe(0);
  expect((await mq.run(['--url', url, 'peek', 'orders'])).code).toBe(4);
  const { access } = await import('node:fs/promises');
  await expect(access(mq.path('none.db'))).rejects.toMatchObject({ code: 'ENOENT' });
});
