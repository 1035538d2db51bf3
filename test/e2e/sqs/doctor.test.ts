import { writeFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CommandLine, type Ran } from '../../support/command-line.ts';
import { sqs } from '../../support/servers.ts';
import { FaultProxy, refusal } from '../../support/sqs/fault-proxy.ts';
import { provideTestCredentials, uniqueName, urlOf } from '../../support/sqs/harness.ts';

provideTestCredentials();
const emulators = await sqs();

interface Finding {
  readonly name: string;
  readonly status: string;
  readonly detail: string;
  readonly hint: string | null;
}

/** What each right is called, the action that shows it, and what an answer that is no denial proves. */
const RIGHTS = [
  ['may look', 'GetQueueAttributes', 'ok'],
  ['may find sources', 'ListDeadLetterSourceQueues', 'ok'],
  ['may send', 'SendMessageBatch', 'skipped'],
  ['may receive', 'ReceiveMessage', 'skipped'],
  ['may give back', 'ChangeMessageVisibilityBatch', 'ok'],
  ['may remove', 'DeleteMessageBatch', 'ok'],
] as const;
const NEVER_ASKED = ['PurgeQueue', 'CreateQueue', 'DeleteQueue', 'StartMessageMoveTask', 'SetQueueAttributes'];

describe.each(['fauxqs', 'localSqs'] as const)('doctor on the emulator %s', (emulator) => {
  let proxy: FaultProxy;
  let mq: CommandLine;
  let queue: string;
  const url = (): string => urlOf(proxy.url);
  beforeAll(async () => {
    proxy = await FaultProxy.start(emulators[emulator]);
    mq = await CommandLine.open();
  });
  afterAll(async () => {
    await mq.close();
    await proxy.stop();
  });
  beforeEach(async () => {
    queue = uniqueName('doctor');
    await mq.ok(['--url', url(), 'create', queue]);
    await mq.ok(['--url', url(), 'enqueue', queue, 'left alone']);
    proxy.reset();
  });
  afterEach(async () => {
    proxy.reset();
    await mq.run(['--url', url(), 'delete', queue, '--yes', '--confirm', queue]);
  });

  async function doctor(
    ...more: readonly string[]
  ): Promise<{ readonly ran: Ran; readonly findings: Readonly<Record<string, Finding>> }> {
    const ran = await mq.run(['--url', url(), 'doctor', '-o', 'json', ...more]);
    const all = JSON.parse(ran.stdout) as readonly Finding[];
    return { ran, findings: Object.fromEntries(all.map((finding) => [finding.name, finding])) };
  }

  it('tells each right as far as it can be known, asks nothing that could change something, and leaves the message as it was', async () => {
    const { ran, findings } = await doctor('--queue', queue);
    expect(ran.code, ran.stdout).toBe(0);
    const lacksSources = emulator === 'fauxqs';
    for (const [name, , status] of RIGHTS) {
      const expected = lacksSources && name === 'may find sources' ? 'skipped' : status;
      expect(findings[name], name).toMatchObject({ status: expected });
    }
    for (const name of ['may send', 'may receive', 'may purge', 'may create', 'may delete', 'may start move tasks']) {
      expect(findings[name], name).toMatchObject({ status: 'skipped', detail: expect.stringMatching(/^unknown: /) });
    }
    expect(findings.clock).toMatchObject({ status: 'ok' });
    for (const action of NEVER_ASKED) expect(proxy.of(action), action).toEqual([]);
    expect(proxy.of('SendMessageBatch').map(({ status }) => status)).toEqual([400]);
    expect(proxy.of('ReceiveMessage').map(({ status }) => status)).toEqual([400]);
    const [message] = (await mq.json(['--url', url(), 'peek', queue])) as readonly Record<string, unknown>[];
    expect(message).toMatchObject({ body: 'left alone', receiveCount: 1 });
  });

  it.each(RIGHTS)('%s: a denial of %s is told with its verbs, and the checks go on', async (name, action) => {
    proxy.spoil(action, async () => refusal('AccessDenied', 'User: arn:aws:iam::0:user/x is not authorized'));
    const { ran, findings } = await doctor('--queue', queue);
    expect(ran.code, ran.stdout).toBe(0);
    const single = action.replace('Batch', '');
    expect(findings[name]).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining(`no permission for sqs:${single} on ${queue}`),
      hint: expect.stringContaining(`allow sqs:${single}`),
    });
    expect(findings['may start move tasks']).toBeDefined();
  });

  it('who may not list is told so, and can name a queue', async () => {
    proxy.spoil('ListQueues', async () => refusal('AccessDenied'));
    const unnamed = await doctor();
    expect(unnamed.ran.code).toBe(1);
    expect(unnamed.findings['list queues']).toMatchObject({ status: 'failed' });
    expect(unnamed.findings['may remove']).toMatchObject({
      status: 'skipped',
      detail: expect.stringContaining('--queue'),
    });
    expect((await doctor('--queue', queue)).findings['may remove']).toMatchObject({ status: 'ok' });
  });

  it('a queue that is listed and gone is no failure: another is opened', async () => {
    proxy.spoil('GetQueueAttributes', async () => refusal('AccessDenied'));
    // Of all that may not be looked at, SQS does not tell which it has just deleted.
    proxy.spoil('ListQueues', async (_, forward) => {
      const answer = await forward();
      const urls = (answer.body.QueueUrls ?? []) as readonly string[];
      return {
        ...answer,
        body: { QueueUrls: [...urls.slice(0, 1).map((one) => one.replace(/[^/]*$/, 'a-gone')), ...urls] },
      };
    });
    const { ran, findings } = await doctor('--queue', queue);
    expect(ran.code, ran.stdout).toBe(0);
    expect(findings['open a queue']).toBeUndefined();
    expect(findings.abilities).toMatchObject({ status: 'ok' });
  });

  it('asks about the queue that the context names', async () => {
    const config = mq.path('config.yaml');
    await writeFile(config, `context: cloud\ncontexts:\n  cloud:\n    url: '${url()}'\n    queue: ${queue}\n`, {
      mode: 0o600,
    });
    const ran = await mq.ok(['doctor', '-o', 'json'], { env: { MQ_URL: '', MQ_CONFIG: config } });
    expect(ran.stdout).toContain(`sqs:DeleteMessage on ${queue}`);
  });

  it('a queue that is not there fails, and the rest is still told', async () => {
    const { ran, findings } = await doctor('--queue', 'not-there');
    expect(ran.code).toBe(1);
    expect(findings['find the queue']).toMatchObject({ status: 'failed' });
    expect(findings.clock).toMatchObject({ status: 'ok' });
  });

  it('the clock: off by an hour, and unknown without a date', async () => {
    proxy.clockAheadMs = 3_600_000;
    expect((await doctor('--queue', queue)).findings.clock).toMatchObject({
      status: 'warning',
      detail: expect.stringMatching(/^3(59|60)\d{4} ms ahead of this machine/),
    });
    proxy.clockAheadMs = null;
    expect((await doctor('--queue', queue)).findings.clock).toMatchObject({
      status: 'skipped',
      detail: expect.stringMatching(/^unknown: /),
    });
  });
});
